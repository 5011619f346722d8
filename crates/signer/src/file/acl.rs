//! POSIX access control lists: who besides the owner may touch a file.
//!
//! With such a list, the group bits of the mode are its mask and say nothing about the group. The credentials
//! that systemd hands to a service are made so: mode 0440, and one entry for the service's own user.

/// What group and named users or groups besides ourselves may do, as three mode bits; nothing if the file
/// has no list.
#[cfg(target_os = "linux")]
pub(super) fn group_bits(file: &std::fs::File) -> Option<u32> {
    let mut list = [0_u8; 4096];
    let length = rustix::fs::fgetxattr(file, "system.posix_acl_access", &mut list[..]).ok()?;
    effective(&list[..length], rustix::process::geteuid().as_raw())
}

/// Other systems keep their lists elsewhere; their group bits are taken as they are.
#[cfg(not(target_os = "linux"))]
pub(super) fn group_bits(_: &std::fs::File) -> Option<u32> {
    None
}

const VERSION: u32 = 2;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;

/// Reads the kernel's form: a version, then entries of tag (2 octets), permissions (2) and id (4), all
/// little-endian. Anything else gives nothing, and the mode bits count.
fn effective(list: &[u8], ourselves: u32) -> Option<u32> {
    let (version, entries) = list.split_first_chunk::<4>()?;
    let (entries, rest) = entries.as_chunks::<8>();
    if u32::from_le_bytes(*version) != VERSION || !rest.is_empty() {
        return None;
    }
    let (mut granted, mut mask) = (0, 0o7);
    for entry in entries {
        let [t0, t1, p0, p1, i0, i1, i2, i3] = *entry;
        let permissions = u32::from(u16::from_le_bytes([p0, p1]));
        match u16::from_le_bytes([t0, t1]) {
            USER if u32::from_le_bytes([i0, i1, i2, i3]) == ourselves => {}
            USER | GROUP | GROUP_OBJ => granted |= permissions,
            MASK => mask = permissions,
            _ => {}
        }
    }
    Some(granted & mask & 0o7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut out = VERSION.to_le_bytes().to_vec();
        for (tag, permissions, id) in entries {
            out.extend(tag.to_le_bytes());
            out.extend(permissions.to_le_bytes());
            out.extend(id.to_le_bytes());
        }
        out
    }

    // covers: T-32
    #[test]
    fn list_that_lets_only_ourselves_in_grants_nobody_else_anything() {
        // As systemd writes it: owner r, user 777 r, group nothing, mask r, other nothing.
        let all = u32::MAX;
        let credential = list(&[
            (0x01, 4, all),
            (USER, 4, 777),
            (GROUP_OBJ, 0, all),
            (MASK, 4, all),
            (0x20, 0, all),
        ]);
        assert_eq!(effective(&credential, 777), Some(0));
        assert_eq!(effective(&credential, 778), Some(4));
        let group = list(&[(GROUP_OBJ, 6, all), (MASK, 4, all)]);
        assert_eq!(effective(&group, 777), Some(4));
        let named_group = list(&[(GROUP, 6, 777), (MASK, 6, all)]);
        assert_eq!(effective(&named_group, 777), Some(6));
        let masked = list(&[(USER, 6, 5), (MASK, 0, all)]);
        assert_eq!(effective(&masked, 777), Some(0));
    }

    #[test]
    fn list_of_another_form_is_not_believed() {
        assert_eq!(effective(&[], 0), None);
        assert_eq!(effective(&[2, 0, 0, 0, 1], 0), None);
        assert_eq!(effective(&[3, 0, 0, 0], 0), None);
    }
}
