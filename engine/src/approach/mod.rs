//! A flagged vehicle's approach to a checkpoint: how likely and how soon ([`geometry`] estimates,
//! from a [`Track`], or [`road`] where there are roads), what is said of it and when ([`alert`] decides), and in which words ([`why`]).

mod alert;
mod geometry;
mod outlook;
mod passage;
mod road;
mod track;
mod why;

pub(crate) use alert::{Alert, Approach, Ended, LOOK_SLACK, Moment, Raise, Say, lead_s};
pub(crate) use geometry::Motion;
pub(crate) use road::RoadLook;
pub(crate) use track::Track;
pub(crate) use why::why;
