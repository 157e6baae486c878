//! An entry as the wire has it.

use bollard_buildkit_proto::fsutil::types::{Packet, Stat, packet::PacketType};
use stepyard_build_context::{Entry, EntryKind};

/// Bits of Go's `os.FileMode`; the nine of permissions are those of Unix.
mod go_mode {
    pub(super) const DIRECTORY: u32 = 1 << 31;
    pub(super) const SYMLINK: u32 = 1 << 27;
    pub(super) const DEVICE: u32 = 1 << 26;
    pub(super) const NAMED_PIPE: u32 = 1 << 25;
    pub(super) const SETUID: u32 = 1 << 23;
    pub(super) const SETGID: u32 = 1 << 22;
    pub(super) const CHARACTER_DEVICE: u32 = 1 << 21;
    pub(super) const STICKY: u32 = 1 << 20;
}

/// The entry's STAT packet. `first_name` is the path under which the same file was sent before.
///
/// Follows `mkstat` of `github.com/tonistiigi/fsutil`, with the owner that BuildKit gives all files
/// of a context. So a socket is an empty regular file.
pub(super) fn stat_packet(entry: Entry, first_name: Option<String>) -> Packet {
    let mode = go_file_mode(&entry);
    let mod_time = entry
        .modified_seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(entry.modified_nanoseconds.into());
    let (devmajor, devminor) = match entry.kind {
        EntryKind::Device { major, minor, .. } => (major.into(), minor.into()),
        _ => (0, 0),
    };
    let linkname = match entry.kind {
        EntryKind::Symlink { target } => target,
        _ => first_name.unwrap_or_default(),
    };
    let stat = Stat {
        path: entry.path,
        mode,
        uid: 0,
        gid: 0,
        size: i64::try_from(entry.size).unwrap_or(i64::MAX),
        mod_time,
        linkname,
        devmajor,
        devminor,
        xattrs: entry.extended_attributes.into_iter().collect(),
    };
    Packet {
        r#type: PacketType::PacketStat.into(),
        stat: Some(stat),
        ..Packet::default()
    }
}

fn go_file_mode(entry: &Entry) -> u32 {
    let kind = match entry.kind {
        EntryKind::Directory => go_mode::DIRECTORY,
        EntryKind::Symlink { .. } => go_mode::SYMLINK,
        EntryKind::Fifo => go_mode::NAMED_PIPE,
        EntryKind::Device { block: true, .. } => go_mode::DEVICE,
        EntryKind::Device { block: false, .. } => go_mode::DEVICE | go_mode::CHARACTER_DEVICE,
        EntryKind::File | EntryKind::Socket => 0,
    };
    let special = [
        (0o4000, go_mode::SETUID),
        (0o2000, go_mode::SETGID),
        (0o1000, go_mode::STICKY),
    ];
    special
        .into_iter()
        .filter(|(unix, _)| entry.mode & unix != 0)
        .fold(kind | entry.mode & 0o777, |mode, (_, go)| mode | go)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_told_with_their_numbers() {
        for (block, mode) in [(true, 1 << 26), (false, 1 << 26 | 1 << 21)] {
            let entry = Entry {
                path: "dev".to_owned(),
                kind: EntryKind::Device {
                    block,
                    major: 1,
                    minor: 300,
                },
                mode: 0o600,
                modified_seconds: i64::MAX,
                modified_nanoseconds: 1,
                changed_seconds: 0,
                changed_nanoseconds: 0,
                size: 0,
                links: 2,
                identity: (1, 2),
                extended_attributes: Vec::new(),
            };
            let stat = stat_packet(entry, Some("first".to_owned())).stat.unwrap();
            assert_eq!(stat.mode, mode | 0o600);
            assert_eq!((stat.devmajor, stat.devminor), (1, 300));
            assert_eq!((stat.linkname.as_str(), stat.mod_time), ("first", i64::MAX));
        }
    }
}
