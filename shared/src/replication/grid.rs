//! Rows by place: a uniform grid over wherever there is anything, filled anew for every tick.

use crate::snapshot::Point;

/// Cells for each row that has a place, at most: a few who are far apart make large cells, not many.
const CELLS_PER_ROW_MAX: usize = 8;

/// The grid of one tick. Its room is kept.
#[derive(Debug, Default)]
pub(super) struct Grid {
    least: (i64, i64),
    cell: i64,
    reach: i64,
    columns: usize,
    lines: usize,
    /// Where the rows of each cell end in `rows`.
    ends: Vec<u32>,
    rows: Vec<u32>,
    cells: Vec<Option<u32>>,
}

impl Grid {
    /// Takes the rows that have a place; `reach` is how far [`Grid::near`] looks.
    pub(super) fn fill(&mut self, places: impl Iterator<Item = Option<Point>> + Clone, reach: i32) {
        let placed = || places.clone().flatten().map(|(x, y)| (i64::from(x), i64::from(y)));
        let count = placed().count();
        let least = placed().fold((i64::MAX, i64::MAX), |least, at| (least.0.min(at.0), least.1.min(at.1)));
        let most = placed().fold((i64::MIN, i64::MIN), |most, at| (most.0.max(at.0), most.1.max(at.1)));
        self.reach = i64::from(reach.max(1));
        self.cell = (self.reach / 2).max(1);
        self.least = least;
        self.ends.clear();
        self.rows.clear();
        (self.columns, self.lines) = (0, 0);
        if count == 0 {
            return;
        }
        let cells =
            |from: i64, to: i64, cell: i64| usize::try_from((to - from) / cell + 1).unwrap_or(usize::MAX);
        let room = count * CELLS_PER_ROW_MAX;
        loop {
            (self.columns, self.lines) =
                (cells(least.0, most.0, self.cell), cells(least.1, most.1, self.cell));
            if self.columns.saturating_mul(self.lines) <= room {
                break;
            }
            self.cell *= 2;
        }
        self.sort(places, count);
    }

    /// Sorts the rows by cell, counting.
    fn sort(&mut self, places: impl Iterator<Item = Option<Point>>, count: usize) {
        self.cells.clear();
        self.ends.resize(self.columns * self.lines, 0);
        for place in places {
            let cell = place.map(|place| self.cell_of(place));
            if let Some(cell) = cell {
                self.ends[cell as usize] += 1;
            }
            self.cells.push(cell);
        }
        let mut sum = 0;
        for end in &mut self.ends {
            sum += std::mem::replace(end, sum);
        }
        self.rows.resize(count, 0);
        for (row, cell) in (0_u32..).zip(&self.cells) {
            let Some(cell) = cell else { continue };
            let end = &mut self.ends[*cell as usize];
            self.rows[*end as usize] = row;
            *end += 1;
        }
    }

    fn cell_of(&self, (x, y): Point) -> u32 {
        let column = (i64::from(x) - self.least.0) / self.cell;
        let line = (i64::from(y) - self.least.1) / self.cell;
        (line as usize * self.columns + column as usize) as u32
    }

    /// Visits every row that may be within reach of a place, and some that are not.
    pub(super) fn near(&self, (x, y): Point, mut visit: impl FnMut(u32)) {
        if self.rows.is_empty() {
            return;
        }
        let span = |at: i32, least: i64, cells: usize| {
            let cell = |at: i64| (at - least).div_euclid(self.cell);
            let (from, to) = (cell(i64::from(at) - self.reach), cell(i64::from(at) + self.reach));
            let until = usize::try_from(to + 1).unwrap_or(0).min(cells);
            usize::try_from(from).unwrap_or(0)..until
        };
        for line in span(y, self.least.1, self.lines) {
            let columns = span(x, self.least.0, self.columns);
            if columns.is_empty() {
                return;
            }
            let (from, until) = (line * self.columns + columns.start, line * self.columns + columns.end);
            let start = from.checked_sub(1).map_or(0, |before| self.ends[before]);
            self.rows[start as usize..self.ends[until - 1] as usize].iter().for_each(|row| visit(*row));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(grid: &Grid, from: Point) -> Vec<u32> {
        let mut rows = Vec::new();
        grid.near(from, |row| rows.push(row));
        rows.sort_unstable();
        rows
    }

    #[test]
    fn whoever_is_within_reach_is_visited_and_each_once() {
        let mut grid = Grid::default();
        let mut state = 7_u64;
        for count in [1_usize, 2, 40, 500] {
            let mut places = Vec::new();
            for _ in 0..count {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = ((state >> 33) as i32 % 9_000 - 4_000, i32::from((state >> 17) as i16));
                places.push((!state.is_multiple_of(5)).then_some(at));
            }
            grid.fill(places.iter().copied(), 900);
            for from in places.iter().flatten().copied().chain([(0, 0), (-90_000, 3), (90_000, 90_000)]) {
                let visited = near(&grid, from);
                assert!(visited.windows(2).all(|pair| pair[0] < pair[1]), "each once");
                for (row, place) in (0_u32..).zip(&places) {
                    let Some(place) = place else { continue };
                    let is_near = (place.0 - from.0).abs() <= 900 && (place.1 - from.1).abs() <= 900;
                    assert!(!is_near || visited.contains(&row), "{count}: {place:?} from {from:?}");
                }
            }
        }
    }

    #[test]
    fn a_few_at_the_ends_of_the_world_take_no_room() {
        let mut grid = Grid::default();
        let corners = [(i32::MIN, i32::MIN), (i32::MAX, i32::MAX), (0, 0)].map(Some);
        grid.fill(corners.into_iter(), 1);
        assert!(grid.ends.len() <= 3 * CELLS_PER_ROW_MAX);
        assert!(near(&grid, (0, 0)).contains(&2));
        grid.fill(std::iter::empty(), 1);
        assert_eq!(near(&grid, (0, 0)), [] as [u32; 0]);
    }
}
