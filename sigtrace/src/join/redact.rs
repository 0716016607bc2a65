//! Secrets among the arguments of a process, taken out before they are stored.
//!
//! Each argument is looked at by itself, and word by word, as it may be a command line of its own (`sh -c`).
//! What is taken for a secret goes whole: a value by the name of what it is given to, the user's part of a
//! URL, what follows the letter by which some programs take a password.

/// What stands in the place of a secret.
const MARK: &[u8] = b"***";

/// A name that has one of these in it, whatever its case and its dashes, is a secret's.
const WORDS: [&str; 15] = [
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "mysqlpwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "secretkey",
    "credential",
    "authorization",
    "bearer",
    "stripetoken",
];

/// A name that is one of these.
const NAMES: [&str; 6] = ["pass", "pwd", "pw", "auth", "cred", "creds"];

/// Programs that take a password behind, or after, `-p`.
const WITH_LETTER: [&str; 7] =
    ["mysql", "mysqldump", "mysqladmin", "mariadb", "mariadb-dump", "mariadb-admin", "sshpass"];

/// Schemes whose URLs have a user in them that is no secret.
const WITH_USERS: [&str; 4] = ["ssh", "sftp", "git+ssh", "rsync"];

/// What is taken for a secret.
#[derive(Clone, Debug, Default)]
pub struct Redaction {
    /// Names besides those that are known, in the form of [`plain`].
    more: Vec<String>,
}

/// Arguments without their secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redacted {
    /// The arguments, each with a NUL behind it.
    pub bytes: Vec<u8>,
    /// From how many something was taken.
    pub count: u32,
}

impl Redaction {
    /// With these names, too, of options and variables that have secrets.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let more = names.into_iter().map(|name| plain(name.as_bytes()));
        Self { more: more.filter(|name| !name.is_empty()).collect() }
    }

    /// Takes the secrets out of arguments, each of which has a NUL behind it; the last need not.
    pub fn apply(&self, arguments: &[u8]) -> Redacted {
        let mut redacted = Redacted::default();
        let arguments = arguments.strip_suffix(&[0]).unwrap_or(arguments);
        let mut line = Line { redaction: self, takes_letter: false, next: Next::Nothing };
        for (index, argument) in arguments.split(|byte| *byte == 0).enumerate() {
            if index == 0 {
                line.takes_letter = takes_letter(argument);
            }
            redacted.count += u32::from(line.argument(argument, &mut redacted.bytes));
            redacted.bytes.push(0);
        }
        redacted
    }

    fn is_secret(&self, name: &[u8]) -> bool {
        let name = plain(name);
        NAMES.contains(&name.as_str())
            || WORDS.iter().any(|word| name.contains(word))
            || self.more.iter().any(|word| name.contains(word))
    }
}

/// A name without dashes and the like, in lower case.
fn plain(name: &[u8]) -> String {
    let kept = name.iter().filter(|byte| byte.is_ascii_alphanumeric());
    kept.map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

fn takes_letter(program: &[u8]) -> bool {
    let name = program.rsplit(|byte| *byte == b'/').next().unwrap_or(program);
    WITH_LETTER.iter().any(|known| known.as_bytes() == name)
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// What the next word is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Nothing,
    /// A secret, unless it is another option.
    Secret,
    /// A secret, if it follows at once in quotes.
    Quoted,
    /// `user:password`.
    User,
    /// A secret, with or without the name of a scheme before it, as in `Authorization: Bearer x`.
    Header,
}

/// A command line under way.
struct Line<'a> {
    redaction: &'a Redaction,
    takes_letter: bool,
    next: Next,
}

impl Line<'_> {
    /// Appends an argument without its secrets. Says whether it has any.
    fn argument(&mut self, argument: &[u8], out: &mut Vec<u8>) -> bool {
        // A secret that is an argument of its own may have any characters in it.
        if self.next == Next::Secret && !argument.starts_with(b"--") {
            self.next = Next::Nothing;
            out.extend_from_slice(MARK);
            return true;
        }
        if self.is_named_secret(argument) {
            let at = argument.iter().position(|byte| *byte == b'=').unwrap_or(0);
            out.extend_from_slice(argument.get(..=at).unwrap_or_default());
            out.extend_from_slice(MARK);
            return true;
        }
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || is_quote(*byte);
        let (mut found, mut rest) = (false, argument);
        while !rest.is_empty() {
            let length = rest.iter().position(is_end).unwrap_or(rest.len());
            let (word, after) = rest.split_at(length);
            if !word.is_empty() {
                found |= self.word(word, out);
            }
            let gap = after.iter().position(|byte| !is_end(byte)).unwrap_or(after.len());
            let (between, mut after) = after.split_at(gap);
            out.extend_from_slice(between);
            // A secret in quotes may have blanks in it.
            let quote = match self.next {
                Next::Quoted => between.first(),
                Next::Secret => between.last(),
                _ => None,
            };
            if let Some(&quote) = quote.filter(|byte| is_quote(**byte)) {
                let length = after.iter().position(|byte| *byte == quote);
                out.extend_from_slice(MARK);
                after = after.get(length.unwrap_or(after.len())..).unwrap_or_default();
                (found, self.next) = (true, Next::Nothing);
            } else if self.next == Next::Quoted {
                self.next = Next::Nothing;
            }
            rest = after;
        }
        found
    }

    /// Whether all of an argument is a name and a secret.
    fn is_named_secret(&self, argument: &[u8]) -> bool {
        let name = argument.split(|byte| *byte == b'=').next().unwrap_or_default();
        let is_name = |byte: &u8| !byte.is_ascii_whitespace() && !b"&;,?:".contains(byte);
        name.len() + 1 < argument.len()
            && name.iter().all(is_name)
            && self.redaction.is_secret(name)
    }

    fn word(&mut self, word: &[u8], out: &mut Vec<u8>) -> bool {
        match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::Secret if !word.starts_with(b"--") => {
                out.extend_from_slice(MARK);
                return true;
            }
            Next::Header => {
                let is_scheme = [&b"bearer"[..], b"basic", b"digest", b"token", b"negotiate"]
                    .iter()
                    .any(|scheme| word.eq_ignore_ascii_case(scheme));
                if is_scheme {
                    self.next = Next::Header;
                    out.extend_from_slice(word);
                    return false;
                }
                out.extend_from_slice(MARK);
                return true;
            }
            Next::User => {
                if let Some(at) = word.iter().position(|byte| *byte == b':') {
                    out.extend_from_slice(word.get(..=at).unwrap_or_default());
                    out.extend_from_slice(MARK);
                    return true;
                }
            }
            Next::Nothing | Next::Secret | Next::Quoted => {}
        }
        if word.starts_with(b"-") && !word.contains(&b'=') {
            return self.option(word, out);
        }
        if let Some(name) = word.strip_suffix(b":")
            && self.redaction.is_secret(name)
        {
            self.next = Next::Header;
        }
        self.pieces(word, out)
    }

    /// An option whose value, if it has one, is the next word.
    fn option(&mut self, word: &[u8], out: &mut Vec<u8>) -> bool {
        if self.takes_letter && word.starts_with(b"-p") {
            out.extend_from_slice(b"-p");
            if word.len() > 2 {
                out.extend_from_slice(MARK);
                return true;
            }
            self.next = Next::Secret;
            return false;
        }
        if matches!(word, b"-u" | b"--user" | b"--proxy-user") {
            self.next = Next::User;
        } else if self.redaction.is_secret(word) {
            self.next = Next::Secret;
        }
        self.pieces(word, out)
    }

    /// What is joined by `&`, `;`, `,` or `?`, each piece perhaps with a name of its own.
    fn pieces(&mut self, word: &[u8], out: &mut Vec<u8>) -> bool {
        let (mut found, mut rest) = (false, word);
        loop {
            let is_end = |byte: &u8| matches!(byte, b'&' | b';' | b',' | b'?');
            let length = rest.iter().position(is_end).unwrap_or(rest.len());
            let (piece, after) = rest.split_at(length);
            match piece.iter().position(|byte| *byte == b'=') {
                Some(at) if self.redaction.is_secret(piece.get(..at).unwrap_or_default()) => {
                    out.extend_from_slice(piece.get(..=at).unwrap_or_default());
                    if at + 1 == piece.len() && after.is_empty() {
                        self.next = Next::Quoted;
                        return found;
                    }
                    // A value may have any of those characters, too.
                    out.extend_from_slice(MARK);
                    let is_query = word.windows(3).any(|three| three == b"://");
                    if !is_query {
                        return true;
                    }
                    found = true;
                }
                _ => found |= url(piece, out),
            }
            let Some((end, after)) = after.split_first() else { return found };
            out.push(*end);
            rest = after;
        }
    }
}

/// Appends what may have URLs in it, without the passwords of their users. Says whether there is any.
fn url(piece: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(at) = piece.windows(3).position(|three| three == b"://") else {
        out.extend_from_slice(piece);
        return false;
    };
    let (scheme, rest) = piece.split_at(at + 3);
    out.extend_from_slice(scheme);
    let is_end = |byte: &u8| matches!(byte, b'/' | b'#');
    let length = rest.iter().position(is_end).unwrap_or(rest.len());
    let authority = rest.get(..length).unwrap_or_default();
    let Some(at) = authority.iter().rposition(|byte| *byte == b'@') else {
        out.extend_from_slice(rest);
        return false;
    };
    let user = authority.get(..at).unwrap_or_default();
    let host = rest.get(at..).unwrap_or_default();
    let scheme = scheme.strip_suffix(b"://").unwrap_or_default();
    let found = match user.iter().position(|byte| *byte == b':') {
        Some(colon) => {
            out.extend_from_slice(user.get(..=colon).unwrap_or_default());
            true
        }
        None if WITH_USERS.iter().any(|known| scheme.ends_with(known.as_bytes())) => {
            out.extend_from_slice(user);
            false
        }
        None => true,
    };
    if found {
        out.extend_from_slice(MARK);
    }
    out.extend_from_slice(host);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Arguments after redaction, and from how many of them something was taken.
    fn redacted(arguments: &[&str]) -> (Vec<String>, u32) {
        let bytes: Vec<u8> =
            arguments.iter().flat_map(|one| [one.as_bytes(), b"\0"].concat()).collect();
        let Redacted { bytes, count } = Redaction::new(["--license", "PIN_CODE"]).apply(&bytes);
        let bytes = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
        let arguments = bytes.split(|byte| *byte == 0);
        (arguments.map(|one| String::from_utf8_lossy(one).into_owned()).collect(), count)
    }

    #[test]
    fn secrets_go_and_the_rest_stays() {
        #[rustfmt::skip]
        let cases: &[(&[&str], &[&str], u32)] = &[
            (&["x", "--password=a b", "c"], &["x", "--password=***", "c"], 1),
            (&["x", "--password", "a b", "c"], &["x", "--password", "***", "c"], 1),
            (&["x", "--password", "--next", "c"], &["x", "--password", "--next", "c"], 0),
            (&["x", "--API_Key", "k", "-Ddb.passwd=p,q"], &["x", "--API_Key", "***", "-Ddb.passwd=***"], 2),
            (&["env", "PGPASSWORD=s", "psql"], &["env", "PGPASSWORD=***", "psql"], 1),
            (&["x", "--auth-token=t", "--author=me"], &["x", "--auth-token=***", "--author=me"], 1),
            (&["x", "--pass", "p", "--bypass", "b"], &["x", "--pass", "***", "--bypass", "b"], 1),
            (&["git", "clone", "https://u:p@host/r"], &["git", "clone", "https://u:***@host/r"], 1),
            (&["git", "clone", "https://tok@host/r"], &["git", "clone", "https://***@host/r"], 1),
            (&["git", "clone", "ssh://git@host/r"], &["git", "clone", "ssh://git@host/r"], 0),
            (&["x", "http://h/?a=1&token=t&b=2"], &["x", "http://h/?a=1&token=***&b=2"], 1),
            (&["x", "postgres://u:p:q@h@i/d"], &["x", "postgres://u:***@i/d"], 1),
            (&["/usr/bin/mysql", "-psecret", "db"], &["/usr/bin/mysql", "-p***", "db"], 1),
            (&["sshpass", "-p", "secret", "ssh"], &["sshpass", "-p", "***", "ssh"], 1),
            (&["ps", "-p", "1"], &["ps", "-p", "1"], 0),
            (&["curl", "-u", "me:pw", "h"], &["curl", "-u", "me:***", "h"], 1),
            (&["curl", "-u", "me", "h:1"], &["curl", "-u", "me", "h:1"], 0),
            (&["curl", "-H", "Authorization: Bearer abc"], &["curl", "-H", "Authorization: Bearer ***"], 1),
            (&["sh", "-c", "mysql --password='x' -e 1"], &["sh", "-c", "mysql --password='***' -e 1"], 1),
            (&["sh", "-c", "run --token \"a b\" don't --pw c"], &["sh", "-c", "run --token \"***\" don't --pw ***"], 1),
            (&["sh", "-c", "cmd --token abc && true"], &["sh", "-c", "cmd --token *** && true"], 1),
            (&["x", "--license", "L", "pin-code=1"], &["x", "--license", "***", "pin-code=***"], 2),
            (&["x", "", "--secret", ""], &["x", "", "--secret", "***"], 1),
            (&["nginx", "-g", "daemon off;"], &["nginx", "-g", "daemon off;"], 0),
        ];
        for (given, expected, count) in cases {
            let (got, redactions) = redacted(given);
            assert_eq!(
                (got, redactions),
                (expected.iter().map(|s| (*s).to_owned()).collect(), *count)
            );
        }
    }

    #[test]
    fn bytes_that_are_no_text_stay() {
        let given = b"x\0\xff\xfe=1\0--token\0\xff\xff\0";
        let Redacted { bytes, count } = Redaction::default().apply(given);
        assert_eq!((bytes.as_slice(), count), (&b"x\0\xff\xfe=1\0--token\0***\0"[..], 1));
    }

    proptest::proptest! {
        #[test]
        fn as_many_arguments_come_out_as_go_in(bytes in proptest::collection::vec(
            proptest::sample::select(b"\0\0 -=:/@?&'ap\xff".to_vec()), 1..60,
        )) {
            let out = Redaction::default().apply(&bytes).bytes;
            let count = |bytes: &[u8]| bytes.strip_suffix(&[0]).unwrap_or(bytes).split(|b| *b == 0).count();
            assert_eq!(count(&out), count(&bytes));
        }

        #[test]
        fn no_secret_of_letters_gets_through(secret in "[a-z]{8}XQ[0-9]{6}", before in "[a-z]{0,3}") {
            for line in [
                format!("{before}\0--password={secret}\0"),
                format!("{before}\0--password\0{secret}\0"),
                format!("{before}\0http://u:{secret}@h/\0"),
                format!("{before}\0a --api-key {secret} b\0"),
                format!("mysql\0-p{secret}\0"),
            ] {
                let out = Redaction::default().apply(line.as_bytes()).bytes;
                assert!(!String::from_utf8_lossy(&out).contains("XQ"), "{line:?}");
            }
        }
    }
}
