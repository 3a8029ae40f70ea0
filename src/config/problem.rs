//! What is wrong with a configuration, told so that a person can put it right.

use std::fmt;

/// One thing wrong: in which file, on which line, what was found and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, counted from 1, where it has one.
    pub line: Option<usize>,
    /// What was found and what was expected; names the key or the feature.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// Something that works, but probably not as meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning(pub Problem);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Everything wrong with a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parted = false;
        for problem in &self.0 {
            if parted {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
            parted = true;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Where a file's problems and warnings are gathered while it is read.
#[derive(Default)]
pub(super) struct Report {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
}

impl Report {
    pub(super) fn problem(&mut self, file: &str, line: Option<usize>, what: impl Into<String>) {
        self.problems.push(Problem { file: file.to_owned(), line, what: what.into() });
    }

    pub(super) fn warning(&mut self, file: &str, line: Option<usize>, what: impl Into<String>) {
        let problem = Problem { file: file.to_owned(), line, what: what.into() };
        self.warnings.push(Warning(problem));
    }

    /// `value`, unless something was wrong.
    pub(super) fn finish<T>(mut self, value: T) -> Result<(T, Vec<Warning>), Problems> {
        if self.problems.is_empty() {
            return Ok((value, self.warnings));
        }
        // In the order of the lines of each file; files in the order in which they were read.
        let mut files: Vec<String> = Vec::new();
        for problem in &self.problems {
            if !files.contains(&problem.file) {
                files.push(problem.file.clone());
            }
        }
        self.problems.sort_by_key(|problem| {
            (files.iter().position(|file| *file == problem.file), problem.line)
        });
        Err(Problems(self.problems))
    }
}

/// The line, counted from 1, of the byte at `offset`.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}
