//! [`Outside`]: what lies round a map's roads, as cells.

use super::builder::Piece;
use super::graph::{UNIT_DEG, longitude_step};

/// Cells on a side of which roads are looked for, degrees of latitude: 500 m. A town's streets leave
/// none of that size empty, but for parks, lakes and runways, which have streets all round.
const CELL_DEG: f64 = 0.0045;
/// Of a map so large that it would have more cells than this on a side, the cells are larger.
const CELLS: f64 = 2_000.0;
/// How far ahead of a road's end there is to be nothing, cells: beyond the one that it lies in.
const AHEAD: f64 = 1.5;

/// What one gets to from beyond the map without coming by a road.
pub(super) struct Outside {
    cell_deg: (f64, f64),
    corner: (f64, f64),
    width: usize,
    height: usize,
    is_outside: Vec<bool>,
}

impl Outside {
    pub(super) fn new(pieces: &[Piece]) -> Self {
        let origin = pieces.first().and_then(|piece| piece.points.first());
        let origin = origin.map_or((0.0, 0.0), |(lat, lon)| degrees(*lat, *lon));
        let relative = |(lat, lon): &(i32, i32)| {
            let place = degrees(*lat, *lon);
            (place.0 - origin.0, longitude_step(origin.1, place.1))
        };
        let (mut low, mut high) = ((0.0f64, 0.0f64), (0.0f64, 0.0f64));
        for point in pieces.iter().flat_map(|piece| &piece.points).map(relative) {
            low = (low.0.min(point.0), low.1.min(point.1));
            high = (high.0.max(point.0), high.1.max(point.1));
        }
        let stretch = libm::cos(origin.0.to_radians()).max(0.01);
        let span = (high.0 - low.0).max((high.1 - low.1) * stretch);
        let side = CELL_DEG.max(span / CELLS);
        let cell_deg = (side, side / stretch);
        // Two empty cells all round, from which the rest is reached.
        let corner = (low.0 - 2.0 * cell_deg.0, low.1 - 2.0 * cell_deg.1);
        let count = |from: f64, to: f64, cell: f64| ((to - from) / cell) as usize + 3;
        let height = count(corner.0, high.0, cell_deg.0);
        let width = count(corner.1, high.1, cell_deg.1);
        let mut outside = Self {
            cell_deg,
            corner: (origin.0 + corner.0, origin.1 + corner.1),
            width,
            height,
            is_outside: vec![true; width * height],
        };
        let mut has_road = vec![false; width * height];
        for piece in pieces {
            let points = piece.points.iter().map(|(lat, lon)| degrees(*lat, *lon));
            let mut last: Option<(f64, f64)> = None;
            for point in points {
                outside.draw(last.unwrap_or(point), point, &mut has_road);
                last = Some(point);
            }
        }
        outside.flood(&has_road);
        outside
    }

    /// Marks the cells that a line passes.
    fn draw(&self, from: (f64, f64), to: (f64, f64), has_road: &mut [bool]) {
        let step = (to.0 - from.0, longitude_step(from.1, to.1));
        let cells = (step.0 / self.cell_deg.0).abs().max((step.1 / self.cell_deg.1).abs());
        // Four to a cell: a corner that is cut is no way through.
        let count = libm::ceil(cells * 4.0).max(1.0);
        for i in 0..=count as usize {
            let share = i as f64 / count;
            if let Some(cell) = self.cell((from.0 + step.0 * share, from.1 + step.1 * share)) {
                has_road[cell] = true;
            }
        }
    }

    fn flood(&mut self, has_road: &[bool]) {
        self.is_outside.fill(false);
        let mut open = vec![0];
        while let Some(cell) = open.pop() {
            if self.is_outside[cell] || has_road[cell] {
                continue;
            }
            self.is_outside[cell] = true;
            let (row, column) = (cell / self.width, cell % self.width);
            open.extend((column > 0).then(|| cell - 1));
            open.extend((column + 1 < self.width).then_some(cell + 1));
            open.extend((row > 0).then(|| cell - self.width));
            open.extend((row + 1 < self.height).then_some(cell + self.width));
        }
    }

    fn cell(&self, place: (f64, f64)) -> Option<usize> {
        let row = (place.0 - self.corner.0) / self.cell_deg.0;
        let column = longitude_step(self.corner.1, place.1) / self.cell_deg.1;
        let inside = row >= 0.0 && column >= 0.0;
        let (row, column) = (row as usize, column as usize);
        (inside && row < self.height && column < self.width).then(|| row * self.width + column)
    }

    /// Whether the outside lies ahead of a road's end, or half to its left or right. `heading` is
    /// the road's direction there, north and east, of a length of one.
    pub(super) fn is_ahead(&self, end: (f64, f64), (north, east): (f64, f64)) -> bool {
        [0.0f64, 45.0, -45.0].iter().any(|turn_deg| {
            let (sin, cos) = (libm::sin(turn_deg.to_radians()), libm::cos(turn_deg.to_radians()));
            let towards = (north * cos - east * sin, north * sin + east * cos);
            let cell = self.cell((
                end.0 + towards.0 * self.cell_deg.0 * AHEAD,
                end.1 + towards.1 * self.cell_deg.1 * AHEAD,
            ));
            cell.is_none_or(|cell| self.is_outside[cell])
        })
    }
}

/// Degrees north and east of a stored point.
pub(super) fn degrees(latitude: i32, longitude: i32) -> (f64, f64) {
    (f64::from(latitude) * UNIT_DEG, f64::from(longitude) * UNIT_DEG)
}
