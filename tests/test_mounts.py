"""Network namespaces among the mounts of a process, by the text of its mountinfo."""

from __future__ import annotations

from pynetstat.netns import mounted_namespaces


def test_a_mounted_namespace_has_its_inode_and_place() -> None:
    text = (
        b"22 1 0:4 net:[4026532000] /run/netns/a\\040b\\134c\xff rw shared:5 - nsfs nsfs rw\n"
        b"23 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        b"24 1 0:4 mnt:[4026531841] /run/mnt rw - nsfs nsfs rw\n"
        b"25 1 0:4 net:[7]\n"
    )
    assert [*mounted_namespaces(text)] == [(4026532000, "/run/netns/a b\\c\udcff")]


def test_what_no_kernel_writes_stays_as_it_is() -> None:
    digits = "9" * 5000
    text = f"1 1 0:4 net:[7] /\\777\\8\x0cx rw\n1 1 0:4 net:[{digits}] / rw\n".encode()
    assert [*mounted_namespaces(text)] == [(7, "/\\777\\8\x0cx")]
