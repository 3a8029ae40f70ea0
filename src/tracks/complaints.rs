//! What is wrong with tracks: the first few told one by one, all counted.

/// So many bad rows are told one by one.
const ROWS_TOLD: u64 = 10;

/// So many bad files are told one by one.
const FILES_TOLD: u64 = 20;

/// Gathers what is wrong and tells the first few.
pub struct Complaints<'a> {
    tell: Box<dyn FnMut(&str) + 'a>,
    rows: u64,
    files: u64,
    zone_missing: bool,
}

impl<'a> Complaints<'a> {
    /// Tells each complaint to `tell`.
    #[must_use]
    pub fn new(tell: impl FnMut(&str) + 'a) -> Self {
        Self { tell: Box::new(tell), rows: 0, files: 0, zone_missing: false }
    }

    /// A row that was passed over.
    pub fn row(&mut self, file: &str, line: usize, what: &str) {
        self.rows += 1;
        if self.rows <= ROWS_TOLD {
            (self.tell)(&format!("{file}:{line}: {what}"));
        }
        if self.rows == ROWS_TOLD {
            (self.tell)("further bad rows are only counted");
        }
    }

    /// A file that could not be read, or not to its end.
    pub fn file(&mut self, file: &str, what: &str) {
        self.files += 1;
        if self.files <= FILES_TOLD {
            (self.tell)(&format!("{file}: {what}"));
        }
        if self.files == FILES_TOLD {
            (self.tell)("further bad files are only counted");
        }
    }

    pub(super) const fn zone_missing(&mut self) {
        self.zone_missing = true;
    }

    /// How many rows were passed over.
    #[must_use]
    pub const fn bad_rows(&self) -> u64 {
        self.rows
    }

    /// How many files could not be read, or not to their end.
    #[must_use]
    pub const fn bad_files(&self) -> u64 {
        self.files
    }

    /// Whether a time without a zone was met where none was given for such.
    #[must_use]
    pub const fn lacks_zone(&self) -> bool {
        self.zone_missing
    }
}
