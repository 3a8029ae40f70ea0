//! A frame with one position allocates for its own attributes and nothing else.
//!
//! Counted is what one more read allocates on a connection that has had it before, into a list of
//! items that has room. It may allocate
//!
//! - for the attributes of each item: their list, and once more each time that it outgrows a power of
//!   two from 16 on; and each name and text that the frame itself makes up;
//!   where a decoder leaves the names to who looks, the record's bytes instead of the list;
//! - for each answer, the bytes that are to be sent.

#![expect(clippy::arithmetic_side_effects, reason = "counts of a test")]

mod support;

use std::borrow::Cow;

use interdict_protocols::{Attributes, Item, Value};
use support::positions::subjects;

/// Attributes whose list is one allocation.
const FEW: usize = 16;

/// What the attributes of one item may allocate.
fn allowed_for(attributes: &Attributes) -> usize {
    let (mut count, mut texts) = (0_usize, 0_usize);
    for (_, value) in attributes.iter() {
        count += 1;
        texts += usize::from(matches!(value, Value::Text(Cow::Owned(_))));
    }
    let list =
        if count == 0 { 0 } else { 1 + count.div_ceil(FEW).next_power_of_two().ilog2() as usize };
    list + texts
}

fn allowed(item: &Item) -> usize {
    match item {
        Item::Fix { attributes, .. } | Item::Report { attributes, .. } => allowed_for(attributes),
        Item::Reply { .. } => 1,
        _ => 0,
    }
}

#[test]
fn a_position_allocates_for_its_own_attributes_and_nothing_else() {
    let (mut wrong, mut told) = (Vec::new(), 0);
    for (protocol, subjects) in subjects() {
        if subjects.is_empty() {
            wrong.push(format!("{protocol} has no sound fixture with one position"));
        }
        for mut subject in subjects {
            let mut items = Vec::new();
            subject.receive(&mut items);
            let allowed: usize = items.iter().map(allowed).sum();
            items.clear();
            let counted = allocation_counter::measure(|| subject.receive(&mut items));
            told += 1;
            if counted.count_total > allowed as u64 {
                let case = subject.case.path.display();
                let count = counted.count_total;
                wrong.push(format!("{protocol}: {count} allocations for {allowed}: {case}"));
            }
        }
    }
    assert!(told > 0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
