//! [`Grid`]: vehicles by the cell of the earth that their last fix lies in.
//!
//! A fix in the cell of the one before costs a comparison, and one in another cell two changes to
//! short lists. `cargo bench -p interdict-engine --bench index` sets it beside an R*-tree and a scan of all.

use super::Map;
use crate::Position;

/// Cells are this wide, degrees: a kilometre from south to north, so that a vehicle in a town is a
/// minute or two in one, and a cell of a busy town holds some hundred vehicles.
const CELL_DEG: f64 = 0.01;
/// More cells than this and a walk over all vehicles is cheaper than one over the cells.
const CELLS_WALKED: i64 = 10_000;

/// A cell, by its row from the south pole and its column from the date line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Cell {
    row: i32,
    column: i32,
}

const COLUMNS: i32 = 36_000;

impl Cell {
    pub(super) fn of(position: Position) -> Self {
        let column = ((position.longitude + 180.0) / CELL_DEG) as i32;
        Self {
            row: ((position.latitude + 90.0) / CELL_DEG) as i32,
            column: column.rem_euclid(COLUMNS),
        }
    }
}

/// Where a vehicle stands in the grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    cell: Cell,
    index: u32,
}

/// Vehicles' numbers by cell.
#[derive(Default)]
pub(super) struct Grid {
    cells: Map<Cell, Vec<u32>>,
}

/// A vehicle that has taken another's index in the same cell.
pub(super) struct Shifted {
    pub(super) number: u32,
    pub(super) place: Place,
}

impl Grid {
    pub(super) fn insert(&mut self, number: u32, cell: Cell) -> Place {
        let numbers = self.cells.entry(cell).or_default();
        numbers.push(number);
        Place { cell, index: u32::try_from(numbers.len() - 1).unwrap_or(u32::MAX) }
    }

    /// Takes a vehicle out; the last one of its cell takes its index.
    pub(super) fn remove(&mut self, place: Place) -> Option<Shifted> {
        let numbers = self.cells.get_mut(&place.cell)?;
        let index = place.index as usize;
        if index < numbers.len() {
            numbers.swap_remove(index);
        }
        let shifted = numbers.get(index).map(|&number| Shifted { number, place });
        if numbers.is_empty() {
            self.cells.remove(&place.cell);
        }
        shifted
    }

    /// The numbers in the cells that a circle touches, in no order that means anything; `None`
    /// where it touches too many to walk.
    pub(super) fn near(
        &self,
        centre: Position,
        (north_deg, east_deg): (f64, f64),
    ) -> Option<impl Iterator<Item = u32>> {
        let low = Cell::of(Position {
            latitude: (centre.latitude - north_deg).max(-90.0),
            longitude: centre.longitude,
        });
        let high = Cell::of(Position {
            latitude: (centre.latitude + north_deg).min(90.0),
            longitude: centre.longitude,
        });
        // Counted from the centre's column, so that the date line is no wall.
        let reach = (east_deg / CELL_DEG).ceil().min(f64::from(COLUMNS / 2)) as i32 + 1;
        let (rows, columns) = (low.row..=high.row, -reach..=reach);
        let cells = i64::from(high.row - low.row + 1) * i64::from(2 * reach + 1);
        if cells > CELLS_WALKED {
            return None;
        }
        let middle = low.column;
        Some(rows.flat_map(move |row| {
            columns.clone().flat_map(move |column| {
                let column = (middle + column).rem_euclid(COLUMNS);
                self.cells.get(&Cell { row, column }).into_iter().flatten().copied()
            })
        }))
    }
}

#[cfg(test)]
impl Grid {
    pub(super) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}

impl Place {
    pub(super) const fn cell(self) -> Cell {
        self.cell
    }
}
