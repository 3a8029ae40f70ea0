//! A flagged vehicle's approach to a checkpoint: how likely and how soon ([`geometry`] estimates,
//! from a [`Track`], or [`road`] where there are roads), when something is said of it ([`decide`]),
//! what has been said ([`alert`]), and in which words ([`mod@why`]).

mod alert;
mod decide;
mod geometry;
mod outlook;
mod passage;
mod road;
mod track;
mod why;

pub(crate) use alert::{Alert, Approach, Ended, Raise, Say, lead_s};
pub(crate) use decide::{LOOK_SLACK, Moment};
pub(crate) use geometry::Motion;
pub(crate) use outlook::Outlook;
pub(crate) use road::RoadLook;
pub(crate) use track::Track;
pub(crate) use why::recalled;
pub(crate) use why::{metres, spoken, why};
