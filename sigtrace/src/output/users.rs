//! The names of users.

use std::{collections::HashMap, fs, path::Path};

/// Names by ids, as the machine's own list has them (passwd(5)); what a directory has is not asked.
#[derive(Debug, Default)]
pub struct Users(HashMap<u32, String>);

impl Users {
    /// Those of the machine.
    pub fn of_machine() -> Self {
        fs::read(Path::new("/etc/passwd")).map(|bytes| Self::of(&bytes)).unwrap_or_default()
    }

    /// Those in such a list. Of several names the first counts.
    fn of(list: &[u8]) -> Self {
        let mut users = HashMap::new();
        for line in String::from_utf8_lossy(list).lines() {
            let mut fields = line.split(':');
            let (name, uid) = (fields.next(), fields.nth(1));
            if let (Some(name), Some(uid)) = (name, uid.and_then(|uid| uid.parse().ok())) {
                users.entry(uid).or_insert_with(|| name.to_owned());
            }
        }
        Self(users)
    }

    /// The name of a user.
    pub fn name(&self, uid: u32) -> Option<&str> {
        self.0.get(&uid).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_their_first_names() {
        let list = b"root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\nwww-data:x:33:33\nbad\nx:y:z\n\xff:x:7:\n";
        let users = Users::of(list);
        assert_eq!([0, 33, 1].map(|uid| users.name(uid)), [Some("root"), Some("www-data"), None]);
        assert_eq!(users.name(7), Some("\u{fffd}"));
    }
}
