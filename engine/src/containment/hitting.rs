//! [`Hitting`]: the cheapest posts of which each of many sets has one at least.

use super::scene::Post;
use super::solve::Budget;

/// Sets of posts, each of which must be hit.
pub(super) struct Hitting<'a> {
    /// What each post costs.
    costs: &'a [u64],
    /// None includes another: who hits the smaller one hits the larger.
    sets: Vec<Set>,
}

/// What looking at a set once more costs.
const SET_STEPS: u64 = 16;

/// A set of posts, as bits.
type Set = Box<[u64]>;

/// Posts that hit all sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) posts: Vec<Post>,
    pub(super) cost: u64,
    /// Nothing that hits all sets costs less than this.
    pub(super) at_least: u64,
}

impl<'a> Hitting<'a> {
    pub(super) const fn new(costs: &'a [u64]) -> Self {
        Self { costs, sets: Vec::new() }
    }

    /// Adds a set that must be hit. Not an empty one, which nothing hits.
    pub(super) fn add(&mut self, posts: &[Post]) {
        let mut set = vec![0; self.costs.len().div_ceil(64)].into_boxed_slice();
        for post in posts {
            set[usize::from(*post) / 64] |= 1 << (post % 64);
        }
        if self.sets.iter().any(|known| includes(&set, known)) {
            return;
        }
        self.sets.retain(|known| !includes(known, &set));
        self.sets.push(set);
    }

    /// The cheapest posts that hit every set, as far as the budget allows to look for them.
    pub(super) fn cheapest(&self, budget: &mut Budget) -> Hit {
        let mut search =
            Search { costs: self.costs, budget, best: self.greedy(), cut_short: false };
        let all: Vec<&Set> = self.sets.iter().collect();
        let none = vec![0; self.costs.len().div_ceil(64)].into_boxed_slice();
        let at_least = search.at_least(&all, &none).unwrap_or(u64::MAX);
        search.branch(&all, &mut Vec::new(), 0, &none);
        let (cut_short, (posts, cost)) = (search.cut_short, search.best);
        Hit { posts, cost, at_least: if cut_short { at_least } else { cost } }
    }

    /// Posts that hit every set: the one with the most sets for its cost first.
    fn greedy(&self) -> (Vec<Post>, u64) {
        let mut left: Vec<&Set> = self.sets.iter().collect();
        let (mut posts, mut cost) = (Vec::new(), 0);
        while !left.is_empty() {
            let counts = counts(&left, self.costs.len());
            let value = |post: &usize| u128::from(counts[*post]) << 64;
            let best = (0..self.costs.len())
                .max_by_key(|post| (value(post) / u128::from(self.costs[*post].max(1)), !*post));
            let Some(best) = best else { break };
            posts.push(best as Post);
            cost += self.costs[best];
            left.retain(|set| !has(set, best));
        }
        posts.sort_unstable();
        (posts, cost)
    }
}

struct Search<'a> {
    costs: &'a [u64],
    budget: &'a mut Budget,
    best: (Vec<Post>, u64),
    cut_short: bool,
}

impl Search<'_> {
    /// Hits what is left without what is ruled out; keeps what costs less than the best so far.
    fn branch(&mut self, left: &[&Set], chosen: &mut Vec<Post>, cost: u64, ruled_out: &Set) {
        if left.is_empty() {
            if cost < self.best.1 {
                let mut posts = chosen.clone();
                posts.sort_unstable();
                self.best = (posts, cost);
            }
            return;
        }
        if !self.budget.spend((left.len() as u64 + 1) * SET_STEPS) {
            self.cut_short = true;
            return;
        }
        let Some(at_least) = self.at_least(left, ruled_out) else { return };
        if cost + at_least >= self.best.1 {
            return;
        }
        // The set with the fewest posts to choose from branches least.
        let Some(set) = left.iter().min_by_key(|set| size(set, ruled_out)) else { return };
        let counts = counts(left, self.costs.len());
        let mut posts: Vec<usize> = members(set).filter(|post| !has(ruled_out, *post)).collect();
        posts.sort_by_key(|post| (u32::MAX - counts[*post], self.costs[*post], *post));
        let mut ruled_out = ruled_out.clone();
        for post in posts {
            let rest: Vec<&Set> = left.iter().copied().filter(|set| !has(set, post)).collect();
            chosen.push(post as Post);
            self.branch(&rest, chosen, cost + self.costs[post], &ruled_out);
            chosen.pop();
            // What comes with it has been looked at.
            ruled_out[post / 64] |= 1 << (post % 64);
        }
    }

    /// What hitting costs at least: sets that have no post in common need one each. `None` where a
    /// set has no post left.
    fn at_least(&self, left: &[&Set], ruled_out: &Set) -> Option<u64> {
        let mut order: Vec<(u32, &Set)> =
            left.iter().map(|set| (size(set, ruled_out), *set)).collect();
        order.sort_by_key(|(size, _)| *size);
        if order.first().is_some_and(|(size, _)| *size == 0) {
            return None;
        }
        let mut seen = vec![0u64; ruled_out.len()];
        let mut cost = 0;
        for (_, set) in order {
            let words = || set.iter().zip(ruled_out.iter()).map(|(set, out)| set & !out);
            if words().zip(&seen).any(|(set, seen)| set & seen != 0) {
                continue;
            }
            for (seen, set) in seen.iter_mut().zip(words()) {
                *seen |= set;
            }
            let costs = members(set).filter(|post| !has(ruled_out, *post));
            cost += costs.map(|post| self.costs[post]).min()?;
        }
        Some(cost)
    }
}

fn includes(large: &Set, small: &Set) -> bool {
    large.iter().zip(small.iter()).all(|(large, small)| large & small == *small)
}

fn has(set: &Set, post: usize) -> bool {
    set[post / 64] >> (post % 64) & 1 == 1
}

fn size(set: &Set, ruled_out: &Set) -> u32 {
    set.iter().zip(ruled_out.iter()).map(|(set, out)| (set & !out).count_ones()).sum()
}

fn members(set: &Set) -> impl Iterator<Item = usize> + '_ {
    set.iter().enumerate().flat_map(|(i, word)| {
        let mut left = *word;
        std::iter::from_fn(move || {
            let bit = left.trailing_zeros() as usize;
            left &= left.checked_sub(1)?;
            Some(i * 64 + bit)
        })
    })
}

/// In how many sets each post is.
fn counts(sets: &[&Set], posts: usize) -> Vec<u32> {
    let mut counts = vec![0; posts];
    for set in sets {
        for post in members(set) {
            counts[post] += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The costs of posts and sets of them, by a small generator.
    fn sets(seed: u64) -> (Vec<u64>, Vec<Vec<Post>>) {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
        let mut next = |limit: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % limit
        };
        let costs: Vec<u64> = (0..10).map(|_| 1_000 + next(50)).collect();
        let sets = (0..12).map(|_| (0..1 + next(4)).map(|_| next(10) as Post).collect()).collect();
        (costs, sets)
    }

    #[test]
    fn nothing_that_hits_all_sets_is_cheaper() {
        for seed in 0..200 {
            let (costs, sets) = sets(seed);
            let mut hitting = Hitting::new(&costs);
            for set in &sets {
                hitting.add(set);
            }
            let cost = |choice: u32| -> u64 {
                (0..10).filter(|post| choice >> post & 1 == 1).map(|post| costs[post]).sum()
            };
            let hits =
                |choice: u32| sets.iter().all(|set| set.iter().any(|p| choice >> p & 1 == 1));
            let best = (0..1 << 10).filter(|choice| hits(*choice)).map(cost).min().unwrap();
            let found = hitting.cheapest(&mut Budget::new(1_000_000));
            let choice = found.posts.iter().fold(0, |choice, post| choice | 1 << post);
            assert!(hits(choice), "seed {seed}");
            assert_eq!((found.cost, found.at_least, cost(choice)), (best, best, best));
            let hasty = hitting.cheapest(&mut Budget::new(0));
            assert!(hits(hasty.posts.iter().fold(0, |choice, post| choice | 1 << post)));
            assert!(hasty.at_least <= best && best <= hasty.cost, "seed {seed}");
        }
    }
}
