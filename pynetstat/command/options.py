"""A command line, understood: what is asked and how to show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pynetstat.query import Query
from pynetstat.render.netstat import Columns

if TYPE_CHECKING:
    from pynetstat.columns import Column, SortKey

DATA_FORMATS = ("json", "jsonl", "csv")


class Numeric(NamedTuple):
    """What stays a number instead of being looked up."""

    hosts: bool
    ports: bool
    users: bool


class Choice(NamedTuple):
    """What differs from netstat's own view: columns, order, counts, files, explanations."""

    columns: tuple[Column, ...] | None = None
    sort: tuple[SortKey, ...] = ()
    info: bool = False
    header: bool = True
    group_by: str | None = None
    svg: str | None = None
    html: str | None = None
    explain: bool = False

    @property
    def of_info(self) -> bool:
        """Whether TCP's own figures have to be asked for."""
        from pynetstat.columns import Need, needs_of

        return self.info or Need.INFO in needs_of(self.asked)

    @property
    def of_owners(self) -> bool:
        """Whether the processes have to be asked for."""
        from pynetstat.columns import Need, needs_of

        grouped = self.group_by == "process"
        return self.explain or grouped or Need.OWNERS in needs_of(self.asked)

    @property
    def asked(self) -> list[Column]:
        """Every column that is shown or sorted by, of those chosen."""
        return [*(self.columns or ()), *(key.column for key in self.sort)]


NO_CHOICE = Choice()


class Session(NamedTuple):
    """What is recorded, replayed or followed. ``speed`` is how much faster than in life."""

    record: str | None = None
    replay: str | None = None
    speed: float = 1.0
    ladder: bool = False


NO_SESSION = Session()


class Options(NamedTuple):
    """A command line, understood."""

    query: Query
    implied: bool
    """Whether the tables follow from the absence of protocol flags."""
    columns: Columns
    numeric: Numeric
    source: str
    proc_root: str | None
    format: str | None
    interval_s: float | None
    """Seconds between repeats; None for one look."""
    watch: bool = False
    """Whether the watch screen is asked for by its own name."""
    events: bool = False
    """Whether to show transitions as they happen instead of tables."""
    topic: str | None = None
    """The topic whose page is wanted instead of sockets; it has one."""
    choice: Choice = NO_CHOICE
    summary: bool = False
    quiet: bool = False
    wait_s: float | None = None
    """Seconds to wait for a row at most; None for not at all."""
    session: Session = NO_SESSION
    netns: str | None = None
    """The network namespace that is asked about; None for this one, or all of them."""
    all_netns: bool = False
    kill: bool = False
    """Whether the sockets are to be closed instead of shown; there is a filter then."""
    yes: bool = False
    """Whether that is agreed to without being asked."""

    @property
    def elsewhere(self) -> bool:
        """Whether other network namespaces than this program's are asked about."""
        return self.netns is not None or self.all_netns
