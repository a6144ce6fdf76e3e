# fish completion for pynetstat; written by python -m pynetstat.shell

function __pynetstat_columns
    printf '%s\t%s\n' \
        'time' 'when the tables were read' \
        'proto' 'the table' \
        'recv-q' 'bytes not read, connections not accepted' \
        'send-q' 'bytes not acknowledged' \
        'backlog' 'the accept queue\'s limit' \
        'local' 'address and port on this side' \
        'remote' 'address and port on the other side' \
        'v6only' 'whether it takes no IPv4, of unconnected IPv6 sockets' \
        'local-ip' 'address on this side' \
        'local-port' 'port on this side' \
        'remote-ip' 'address on the other side' \
        'remote-port' 'port on the other side' \
        'state' 'the state in netstat\'s words' \
        'timer' 'kind (seconds/retransmits/probes)' \
        'timer-kind' 'what the timer runs for' \
        'timer-s' 'seconds until the timer fires' \
        'retransmits' 'segments sent again without an answer' \
        'probes' 'probes sent without an answer' \
        'uid' 'the owner\'s user id' \
        'user' 'the owner\'s name' \
        'inode' 'the socket\'s inode, 0 for none' \
        'cookie' 'the kernel\'s name for the socket' \
        'ifindex' 'the interface\'s number, 0 for none' \
        'interface' 'the interface the socket is bound to' \
        'netns' 'its network namespace\'s label' \
        'pid' 'the owners\' process ids' \
        'program' 'the owners\' names' \
        'owners' 'the processes that hold the socket, or why there is none' \
        'no-owner' 'why there is no owner' \
        'cmdline' 'the owners\' command lines' \
        'explanation' 'what the row means, in a sentence' \
        'trouble' 'what in the row points to trouble' \
        'info' 'all that TCP keeps' \
        'congestion' 'the congestion control\'s name' \
        'rtt' 'smoothed round-trip time, in microseconds' \
        'min-rtt' 'least round-trip time, in microseconds' \
        'rto' 'retransmission timeout, in microseconds' \
        'cwnd' 'congestion window in segments' \
        'mss' 'bytes a segment' \
        'unacked' 'segments under way' \
        'bytes-sent' 'bytes sent, also those sent again' \
        'bytes-acked' 'bytes acknowledged' \
        'bytes-received' 'bytes received' \
        'retrans' 'segments ever sent again' \
        'type' 'a unix socket\'s type' \
        'refcnt' 'a unix socket\'s reference count' \
        'peer-inode' 'the inode at a unix socket\'s other end' \
        'path' 'a unix socket\'s name' \
        'path-hex' 'its exact bytes where they had to be escaped' \
        'abstract' 'whether the name is no file\'s' \
        'trusted' 'whether the row can\'t be forged' \
        'foreign' 'address and port on the other side' \
        'cong' 'the congestion control\'s name' \
        'bytes' 'bytes-acked and bytes-received'
end

function __pynetstat_sort_keys
    __pynetstat_columns
    __pynetstat_columns | string replace -r '^' -
end

function __pynetstat_topics
    printf '%s\n' \
        'LISTEN' \
        'SYN_SENT' \
        'SYN_RECV' \
        'ESTABLISHED' \
        'FIN_WAIT1' \
        'FIN_WAIT2' \
        'TIME_WAIT' \
        'CLOSE' \
        'CLOSE_WAIT' \
        'LAST_ACK' \
        'CLOSING' \
        'blank' \
        'off' \
        'on' \
        'keepalive' \
        'timewait timer' \
        'probe' \
        'Proto' \
        'Recv-Q' \
        'Send-Q' \
        'Local Address' \
        'Foreign Address' \
        'State' \
        'User' \
        'Inode' \
        'PID/Program name' \
        'Timer' \
        'backlog' \
        'RefCnt' \
        'Flags' \
        'Type' \
        'Path' \
        'Peer' \
        'unix states' \
        'v6only' \
        'cookie' \
        'interface' \
        'cmdline' \
        'time' \
        'rtt' \
        'rto' \
        'cwnd' \
        'mss' \
        'unacked' \
        'bytes' \
        'retrans' \
        'congestion' \
        'no owner' \
        'not accepted yet' \
        'closed by its process' \
        'another user\'s process' \
        'kernel or another pid namespace' \
        'this source can\'t tell' \
        'address already in use' \
        'ephemeral ports' \
        'connection refused' \
        '-t' \
        '-u' \
        '-U' \
        '-w' \
        '-S' \
        '-M' \
        '-x' \
        '-4' \
        '-a' \
        '-l' \
        '-n' \
        '-o' \
        '-p' \
        '-e' \
        '-W' \
        '-Z' \
        '-c' \
        '--format' \
        '--source' \
        '--proc-root' \
        '--explain' \
        '--netns' \
        '--kill' \
        '-f' \
        '-i' \
        '--columns' \
        '--sort' \
        '-H' \
        '-s' \
        '--group-by' \
        '-q' \
        '--wait' \
        '--svg' \
        '--record' \
        '--replay' \
        '--ladder' \
        '-E' \
        '--watch'
end

# The word that the one at the cursor follows, without a comparison between them.
function __pynetstat_before
    set -l words (commandline -opc)
    string match -qr '^(=|==|!=|eq|ne)$' -- $words[-1]; and set -e words[-1]
    printf '%s\n' $words[-1]
end

function __pynetstat_after
    contains -- (__pynetstat_before) $argv
end

# Whether --explain is all that was typed, so that a topic follows.
function __pynetstat_explains
    set -l words (commandline -opc)
    test (count $words) -eq 2; and test "$words[2]" = --explain
end

function __pynetstat_begins
    not __pynetstat_explains; and not __pynetstat_after state exclude sport dport src dst dev proto process pid user inode path recv-q send-q timer
end

complete -c pynetstat -f
complete -c pynetstat -s t -l tcp -d 'TCP'
complete -c pynetstat -s u -l udp -d 'UDP'
complete -c pynetstat -s U -l udplite -d 'UDP-Lite'
complete -c pynetstat -s w -l raw -d 'raw sockets'
complete -c pynetstat -s S -l sctp -d 'SCTP'
complete -c pynetstat -s M -l mptcp -d 'MPTCP (as in ss)'
complete -c pynetstat -s x -l unix -d 'unix-domain sockets'
complete -c pynetstat -s 4 -l inet -l ip -d 'IPv4 only'
complete -c pynetstat -s 6 -l inet6 -d 'IPv6 only'
complete -c pynetstat -s a -l all -d 'all of them, servers too'
complete -c pynetstat -s l -l listening -d 'servers only'
complete -c pynetstat -s f -l filter -x -d 'those for which EXPR holds, in ss\'s language: \'dport = :443 or src 10.0.0.0/8\''
complete -c pynetstat -s n -l numeric -d 'numbers instead of names; no look-ups'
complete -c pynetstat -l numeric-hosts -d 'no look-ups of hosts'
complete -c pynetstat -l numeric-ports -d 'no look-ups of ports'
complete -c pynetstat -l numeric-users -d 'no look-ups of users'
complete -c pynetstat -s o -l timers -d 'timers: kind (seconds/retransmits/probes)'
complete -c pynetstat -s p -l programs -d 'the processes that hold a socket'
complete -c pynetstat -s e -l extend -d 'user and inode'
complete -c pynetstat -s W -l wide -d 'addresses whole in the plain text, too'
complete -c pynetstat -s i -l info -d 'what TCP keeps, a line under each row (as in ss; netstat\'s -i lists interfaces)'
complete -c pynetstat -l columns -x -a '(__fish_complete_list , __pynetstat_columns)' -d 'these columns, with commas between them; an unknown one lists all that there are'
complete -c pynetstat -l sort -x -a '(__fish_complete_list , __pynetstat_sort_keys)' -d 'sorted by these columns; -COLUMN for descending'
complete -c pynetstat -s H -l no-header -d 'rows only'
complete -c pynetstat -s Z -l context -d 'refused: no source tells a socket\'s security label'
complete -c pynetstat -l explain -a '(__pynetstat_topics)' -d 'below each row a sentence on what it means; alone with words after it, or as --explain=TOPIC: the page on that state, timer, column, flag or error'
complete -c pynetstat -s s -l summary -d 'how many sockets there are (as in ss; netstat\'s -s tells of packets)'
complete -c pynetstat -l group-by -x -a 'state process remote port' -d 'how many sockets by state, process, remote address or local port'
complete -c pynetstat -s q -l quiet -d 'no output; exit status 0 if any socket matches, else 1'
complete -c pynetstat -l wait -x -d 'wait for a socket that matches, then show it; exit status 1 if none comes'
complete -c pynetstat -l format -x -a 'plain rich json jsonl csv' -d 'plain: netstat\'s text; rich: the view for people (default: rich on a terminal); json: one document; jsonl: a row a line; csv: for spreadsheets'
complete -c pynetstat -l svg -r -F -d 'write the view for people (or the ladder) to FILE as a picture'
complete -c pynetstat -l html -r -F -d 'write the view for people to FILE as a page'
complete -c pynetstat -s c -l continuous -d 'again every second, until interrupted; on a terminal the watch screen'
complete -c pynetstat -l watch -d 'the watch screen, or an error where there can be none'
complete -c pynetstat -l interval -x -d 'seconds between repeats; implies -c'
complete -c pynetstat -l source -x -a 'auto sockdiag procfs psutil tracefs destroy' -d 'where rows are read from (default: the first of the others that can answer); tracefs and destroy tell of events'
complete -c pynetstat -l proc-root -x -a '(__fish_complete_directories)' -d 'read a saved /proc tree instead of this machine'
complete -c pynetstat -s E -l events -d 'TCP\'s and UDP\'s transitions as they happen, until interrupted'
complete -c pynetstat -l record -r -F -d 'write what is seen to a new FILE, too; with -c or -E also every transition'
complete -c pynetstat -l replay -r -F -d 'show what was recorded instead of this machine'
complete -c pynetstat -l speed -x -d 'replay N times as fast as it happened, or max: without pauses'
complete -c pynetstat -l ladder -d 'draw one TCP connection as textbooks do: both ends\' states, the segments between'
complete -c pynetstat -l netns -x -d 'the network namespace of that name or path, or that a process is in'
complete -c pynetstat -l all-netns -d 'all network namespaces, with a column that names them'
complete -c pynetstat -l kill -d 'close the sockets that the filter chooses, after asking; needs CAP_NET_ADMIN'
complete -c pynetstat -l yes -d 'with --kill: without asking'
complete -c pynetstat -s h -l help -d 'show this text and exit'
complete -c pynetstat -s V -l version -d 'show the version and exit'
complete -c pynetstat -n __pynetstat_explains -x -a '(__pynetstat_topics | string match -v -- "-*")'
complete -c pynetstat -n __pynetstat_begins -x -a 'state exclude sport dport src dst dev proto process pid user inode path recv-q send-q timer and or not'
complete -c pynetstat -n '__pynetstat_after state' -x -a 'established syn-sent syn-recv fin-wait-1 fin-wait-2 time-wait closed close-wait last-ack listening closing bound-inactive all connected synchronized bucket big'
complete -c pynetstat -n '__pynetstat_after exclude' -x -a 'established syn-sent syn-recv fin-wait-1 fin-wait-2 time-wait closed close-wait last-ack listening closing bound-inactive all connected synchronized bucket big'
complete -c pynetstat -n '__pynetstat_after dev' -x -a '(__fish_print_interfaces)'
complete -c pynetstat -n '__pynetstat_after proto' -x -a 'tcp tcp6 mptcp mptcp6 sctp sctp6 udp udp6 udplite udplite6 raw raw6 unix'
complete -c pynetstat -n '__pynetstat_after user' -x -a '(__fish_complete_users)'
complete -c pynetstat -n '__pynetstat_after timer' -x -a 'off on keepalive timewait probe'
