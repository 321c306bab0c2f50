//! Dots within cells: eight a cell in braille, two in ASCII.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Bit of each braille dot, by row and column.
const BRAILLE: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

#[derive(Clone, Copy, Default)]
struct Dots {
    bits: u8,
    style: Style,
    mark: char,
}

/// A drawing of dots; the origin is at the top left.
pub(super) struct Canvas {
    width: u16,
    height: u16,
    ascii: bool,
    cells: Vec<Dots>,
    style: Style,
    mark: char,
}

impl Canvas {
    pub(super) fn new(width: u16, height: u16, ascii: bool) -> Self {
        let cells = vec![Dots::default(); usize::from(width) * usize::from(height)];
        Self { width, height, ascii, cells, style: Style::new(), mark: '*' }
    }

    /// Dots across.
    pub(super) fn dots_x(&self) -> usize {
        usize::from(self.width) * if self.ascii { 1 } else { 2 }
    }

    /// Dots down.
    pub(super) fn dots_y(&self) -> usize {
        usize::from(self.height) * if self.ascii { 1 } else { 4 }
    }

    /// What the next dots look like.
    pub(super) fn pen(&mut self, style: Style, mark: char) {
        (self.style, self.mark) = (style, mark);
    }

    /// Sets one dot; outside of the canvas nothing happens.
    pub(super) fn dot(&mut self, x: usize, y: usize) {
        if x >= self.dots_x() || y >= self.dots_y() {
            return;
        }
        let (column, row, bit) = if self.ascii { (x, y, 1) } else { (x / 2, y / 4, BRAILLE[y % 4][x % 2]) };
        let cell = &mut self.cells[row * usize::from(self.width) + column];
        cell.bits |= bit;
        (cell.style, cell.mark) = (self.style, self.mark);
    }

    /// A straight line between two dots, both drawn (Bresenham).
    pub(super) fn line(&mut self, from: (usize, usize), to: (usize, usize)) {
        let (mut x, mut y) = (from.0 as isize, from.1 as isize);
        let (to_x, to_y) = (to.0 as isize, to.1 as isize);
        let (dx, dy) = ((to_x - x).abs(), -(to_y - y).abs());
        let (step_x, step_y) = ((to_x - x).signum(), (to_y - y).signum());
        let mut error = dx + dy;
        loop {
            self.dot(x as usize, y as usize);
            if (x, y) == (to_x, to_y) {
                return;
            }
            let doubled = 2 * error;
            if doubled >= dy {
                error += dy;
                x += step_x;
            }
            if doubled <= dx {
                error += dx;
                y += step_y;
            }
        }
    }

    pub(super) fn render(&self, area: Rect, buffer: &mut Buffer) {
        for (index, dots) in self.cells.iter().enumerate().filter(|(_, dots)| dots.bits != 0) {
            let (x, y) = (index % usize::from(self.width), index / usize::from(self.width));
            let position = (area.x + x as u16, area.y + y as u16);
            let symbol = if self.ascii {
                dots.mark
            } else {
                // The 256 patterns of a braille cell are contiguous from U+2800.
                char::from_u32(0x2800 + u32::from(dots.bits)).unwrap_or(dots.mark)
            };
            // Reset first: the cell may hold a threshold line of another style.
            buffer[position].reset();
            buffer[position].set_char(symbol).set_style(dots.style);
        }
    }
}
