//! Which index of last fixes: a grid (what the engine has, by its own interface), an R*-tree, or
//! none but a scan. 100 000 vehicles that move 170 m a fix; circles of 2 km.

#![expect(clippy::unwrap_used, reason = "a bench fails loudly")]

use std::collections::HashMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rstar::RTree;
use rstar::primitives::GeomWithData;

const FLEET: usize = 100_000;
/// 0.01 degrees, as engine/src/fleet/grid.rs.
const CELL_DEG: f64 = 0.01;
const RADIUS_DEG: f64 = 0.02;

type Place = [f64; 2];

fn places() -> Vec<Place> {
    (0..FLEET)
        .map(|n| [38.5 + (n / 400) as f64 * 0.004, 121.0 + (n % 400) as f64 * 0.004])
        .collect()
}

/// The next vehicle and where it goes.
fn step(places: &[Place], next: &mut usize) -> (usize, Place) {
    *next = (*next + 7_919) % FLEET;
    let [latitude, longitude] = places[*next];
    (*next, [latitude, if longitude > 122.6 { 121.0 } else { longitude + 0.002 }])
}

fn centre(next: &mut usize) -> Place {
    *next = (*next + 104_729) % FLEET;
    [38.6 + (*next % 800) as f64 * 0.001, 121.1 + (*next % 1_400) as f64 * 0.001]
}

fn is_near([latitude, longitude]: Place, [north, east]: Place) -> bool {
    let (up, right) = (latitude - north, (longitude - east) * 0.78);
    up * up + right * right <= RADIUS_DEG * RADIUS_DEG
}

fn scan(criterion: &mut Criterion) {
    let mut places = places();
    let mut next = 0;
    criterion.bench_function("index/scan: move", |bencher| {
        bencher.iter(|| {
            let (number, place) = step(&places, &mut next);
            places[number] = place;
        });
    });
    criterion.bench_function("index/scan: near", |bencher| {
        bencher.iter(|| {
            let centre = centre(&mut next);
            black_box(places.iter().filter(|place| is_near(**place, centre)).count())
        });
    });
}

fn cell([latitude, longitude]: Place) -> (i32, i32) {
    ((latitude / CELL_DEG) as i32, (longitude / CELL_DEG) as i32)
}

fn grid(criterion: &mut Criterion) {
    let mut places = places();
    let mut cells: HashMap<(i32, i32), Vec<u32>> = HashMap::new();
    let mut indices = vec![0_u32; FLEET];
    for (number, place) in places.iter().enumerate() {
        let numbers = cells.entry(cell(*place)).or_default();
        indices[number] = numbers.len() as u32;
        numbers.push(number as u32);
    }
    let mut next = 0;
    criterion.bench_function("index/grid: move", |bencher| {
        bencher.iter(|| {
            let (number, place) = step(&places, &mut next);
            let (before, after) = (cell(places[number]), cell(place));
            places[number] = place;
            if before != after {
                let numbers = cells.get_mut(&before).unwrap();
                let index = indices[number] as usize;
                numbers.swap_remove(index);
                if let Some(moved) = numbers.get(index) {
                    indices[*moved as usize] = index as u32;
                }
                if numbers.is_empty() {
                    cells.remove(&before);
                }
                let numbers = cells.entry(after).or_default();
                indices[number] = numbers.len() as u32;
                numbers.push(number as u32);
            }
        });
    });
    criterion.bench_function("index/grid: near", |bencher| {
        bencher.iter(|| {
            let centre = centre(&mut next);
            let low = cell([centre[0] - RADIUS_DEG, centre[1] - RADIUS_DEG / 0.78]);
            let high = cell([centre[0] + RADIUS_DEG, centre[1] + RADIUS_DEG / 0.78]);
            let mut count = 0;
            for row in low.0..=high.0 {
                for column in low.1..=high.1 {
                    let numbers = cells.get(&(row, column)).into_iter().flatten();
                    count += numbers.filter(|n| is_near(places[**n as usize], centre)).count();
                }
            }
            black_box(count)
        });
    });
}

fn tree(criterion: &mut Criterion) {
    let mut places = places();
    let of = |number: usize, place: Place| GeomWithData::new(place, number as u32);
    let all = places.iter().enumerate().map(|(number, place)| of(number, *place)).collect();
    let mut tree: RTree<GeomWithData<Place, u32>> = RTree::bulk_load(all);
    let mut next = 0;
    criterion.bench_function("index/rstar: move", |bencher| {
        bencher.iter(|| {
            let (number, place) = step(&places, &mut next);
            tree.remove(&of(number, places[number]));
            tree.insert(of(number, place));
            places[number] = place;
        });
    });
    criterion.bench_function("index/rstar: near", |bencher| {
        bencher.iter(|| {
            let centre = centre(&mut next);
            let found = tree.locate_within_distance(centre, RADIUS_DEG * RADIUS_DEG);
            black_box(found.filter(|found| is_near(*found.geom(), centre)).count())
        });
    });
}

criterion_group!(benches, scan, grid, tree);
criterion_main!(benches);
