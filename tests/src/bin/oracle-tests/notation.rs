//! The notation in which strace writes arguments.

/// An argument, or a member of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// A name, a number, an address or names joined by `|`; without the remark that strace puts
    /// behind a number for which it has no name.
    Word(String),
    /// `[INT TERM]`, or what is not in it: `~[INT TERM]`.
    Set {
        /// Whether the names are those left out.
        inverted: bool,
        /// What is between the brackets.
        names: Vec<String>,
    },
    /// `{name=value, ...}`.
    Struct(Vec<(String, Node)>),
}

/// The arguments of a call: what is between its parentheses.
pub(crate) fn arguments(text: &str) -> Result<Vec<Node>, String> {
    let mut reader = Reader { text, rest: text };
    let mut nodes = Vec::new();
    reader.skip_spaces();
    while !reader.rest.is_empty() {
        nodes.push(reader.node()?);
        reader.separator()?;
    }
    Ok(nodes)
}

struct Reader<'a> {
    /// All of it, for errors.
    text: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn node(&mut self) -> Result<Node, String> {
        if self.take("{") {
            self.members()
        } else if self.take("~[") {
            self.set(true)
        } else if self.take("[") {
            self.set(false)
        } else {
            self.word()
        }
    }

    fn members(&mut self) -> Result<Node, String> {
        let mut members = Vec::new();
        while !self.take("}") {
            let (name, rest) = self.rest.split_once('=').ok_or_else(|| self.error("no member"))?;
            let name = name.to_owned();
            self.rest = rest;
            members.push((name, self.node()?));
            self.separator()?;
        }
        Ok(Node::Struct(members))
    }

    fn set(&mut self, inverted: bool) -> Result<Node, String> {
        let (inside, rest) = self.rest.split_once(']').ok_or_else(|| self.error("no `]`"))?;
        let names = inside.split_whitespace().map(str::to_owned).collect();
        self.rest = rest;
        Ok(Node::Set { inverted, names })
    }

    fn word(&mut self) -> Result<Node, String> {
        // `<... resuming interrupted nanosleep ...>` has spaces.
        let end = match self.rest.strip_prefix('<') {
            Some(rest) => rest.find('>').map(|at| at + 2),
            None => self.rest.find([',', '}', ']', ' ']).or(Some(self.rest.len())),
        };
        let (word, rest) = self.rest.split_at(end.unwrap_or_default());
        if word.is_empty() {
            return Err(self.error("no value"));
        }
        self.rest = rest;
        self.skip_spaces();
        if self.take("/*") {
            let (_, rest) = self.rest.split_once("*/").ok_or_else(|| self.error("no `*/`"))?;
            self.rest = rest;
        }
        Ok(Node::Word(word.into()))
    }

    /// What is between two values: a comma, or nothing behind the last one.
    fn separator(&mut self) -> Result<(), String> {
        self.skip_spaces();
        if self.take(",") || self.rest.is_empty() || self.rest.starts_with('}') {
            self.skip_spaces();
            return Ok(());
        }
        Err(self.error("no comma"))
    }

    fn take(&mut self, what: &str) -> bool {
        let rest = self.rest.strip_prefix(what);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn error(&self, what: &str) -> String {
        let Self { text, rest } = self;
        format!("{what} at {rest:?} in {text:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Node {
        Node::Word(text.into())
    }

    fn set(inverted: bool, names: &[&str]) -> Node {
        Node::Set { inverted, names: names.iter().map(|&name| name.into()).collect() }
    }

    #[test]
    fn words_are_separated_by_commas() {
        let nodes = arguments("3081, SIGRT_5, 0x7f00, SA_A|0x8, NULL").unwrap();
        assert_eq!(nodes, ["3081", "SIGRT_5", "0x7f00", "SA_A|0x8", "NULL"].map(word));
        assert_eq!(arguments(""), Ok(vec![]));
    }

    #[test]
    fn a_remark_is_no_part_of_a_word() {
        assert_eq!(arguments("0x63 /* SIG_??? */, []"), Ok(vec![word("0x63"), set(false, &[])]));
    }

    #[test]
    fn a_set_has_names_or_those_left_out() {
        let nodes = arguments("[INT TERM], ~[RTMIN RT_1], ~[]").unwrap();
        let sets = [set(false, &["INT", "TERM"]), set(true, &["RTMIN", "RT_1"]), set(true, &[])];
        assert_eq!(nodes, sets);
    }

    #[test]
    fn a_struct_has_members_that_may_be_sets() {
        let nodes = arguments("{sa_handler=SIG_DFL, sa_mask=[HUP], sa_flags=0}, {}").unwrap();
        let members = [("sa_handler", word("SIG_DFL")), ("sa_mask", set(false, &["HUP"]))];
        let mut members: Vec<_> = members.map(|(name, node)| (name.to_owned(), node)).into();
        members.push(("sa_flags".into(), word("0")));
        assert_eq!(nodes, [Node::Struct(members), Node::Struct(vec![])]);
    }

    #[test]
    fn what_is_resumed_is_one_word() {
        let text = "<... resuming interrupted nanosleep ...>";
        assert_eq!(arguments(text), Ok(vec![word(text)]));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for text in ["{sa_mask", "[INT", "1 2", "{a=1", "0x1 /* half", ","] {
            assert!(arguments(text).is_err(), "{text}");
        }
    }
}
