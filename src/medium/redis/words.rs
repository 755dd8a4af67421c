//! Keys and arguments, one after the other in one buffer: a crowd makes thousands of calls a second, of a dozen words each.

use std::fmt::{Display, Write};

#[derive(Default)]
pub struct Words {
    text: String,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Words {
    pub fn with_capacity(count: usize, bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), ends: Vec::with_capacity(count) }
    }

    pub fn push(&mut self, word: &str) {
        self.push_joined(&[word]);
    }

    /// One word of several parts.
    pub fn push_joined(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.text.push_str(part));
        self.ends.push(self.text.len());
    }

    pub fn push_number(&mut self, number: impl Display) {
        write!(self.text, "{number}").expect("memory takes it");
        self.ends.push(self.text.len());
    }

    pub fn append(&mut self, others: &Self) {
        let before = self.text.len();
        self.text.push_str(&others.text);
        self.ends.extend(others.ends.iter().map(|end| before + end));
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut begin = 0;
        self.ends.iter().map(move |end| &self.text[std::mem::replace(&mut begin, *end)..*end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_apart_also_empty_ones_and_those_of_others() {
        let mut words = Words::default();
        words.push("a b");
        words.push("");
        words.push_joined(&["c", "", "d"]);
        let mut all = Words::with_capacity(1, 1);
        all.push_number(7);
        all.append(&words);
        all.append(&Words::default());
        all.append(&words);
        let expected = ["7", "a b", "", "cd", "a b", "", "cd"];
        assert_eq!(all.iter().collect::<Vec<_>>(), expected);
        assert_eq!((all.len(), all.bytes()), (7, 11));
    }
}
