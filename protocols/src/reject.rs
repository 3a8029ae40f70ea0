//! Why a frame, or a connection, was refused.

use serde::{Deserialize, Serialize};

/// A reason, one word each: the same in `decode`, in metrics and in fixtures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The checksum is wrong.
    Checksum,
    /// The frame, or the connection, ends before it should.
    Truncated,
    /// Longer than the protocol allows, or than we do.
    TooLong,
    /// Not what the protocol's description says.
    Malformed,
    /// A coordinate, date or count that cannot be.
    OutOfRange,
    /// A message or version that this decoder does not know.
    Unsupported,
    /// A position from nobody: no login came before it.
    Unidentified,
    /// Encrypted with a key that we do not have.
    Encrypted,
    /// Bytes that belong to no frame.
    Unframed,
    /// Parts of a message that never came together in time or room.
    Incomplete,
    /// A login that is not allowed.
    Denied,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::Checksum,
        Self::Truncated,
        Self::TooLong,
        Self::Malformed,
        Self::OutOfRange,
        Self::Unsupported,
        Self::Unidentified,
        Self::Encrypted,
        Self::Unframed,
        Self::Incomplete,
        Self::Denied,
    ];

    /// The word itself.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Checksum => "checksum",
            Self::Truncated => "truncated",
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::OutOfRange => "out_of_range",
            Self::Unsupported => "unsupported",
            Self::Unidentified => "unidentified",
            Self::Encrypted => "encrypted",
            Self::Unframed => "unframed",
            Self::Incomplete => "incomplete",
            Self::Denied => "denied",
        }
    }
}

/// A frame refused: why, and at which of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Why.
    pub reason: Reason,
    /// The offending byte, counted from the frame's first.
    pub offset: usize,
    /// Whether the connection is lost with it.
    pub fatal: bool,
}

impl Reject {
    /// Refuses the frame; the connection lives on.
    #[must_use]
    pub const fn at(offset: usize, reason: Reason) -> Self {
        Self { reason, offset, fatal: false }
    }

    /// Ends the connection.
    #[must_use]
    pub const fn fatal(offset: usize, reason: Reason) -> Self {
        Self { reason, offset, fatal: true }
    }
}
