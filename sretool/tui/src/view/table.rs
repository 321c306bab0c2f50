//! Tables that drop their least important columns when they get narrow.

use super::Ui;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// A column.
#[derive(Clone, Copy)]
pub(super) struct Col {
    pub title: &'static str,
    /// Narrowest and widest.
    pub width: (u16, u16),
    pub right: bool,
    /// The highest number is dropped first; 0 stays.
    pub drop: u8,
}

pub(super) const fn left(title: &'static str, width: (u16, u16), drop: u8) -> Col {
    Col { title, width, right: false, drop }
}

pub(super) const fn right(title: &'static str, width: u16, drop: u8) -> Col {
    Col { title, width: (width, width), right: true, drop }
}

/// A cell: spans, drawn from the left, or from the right where the column says so.
pub(super) type Cell = Line<'static>;

/// The order that the table shows, for the arrow in its head.
pub(super) struct Order {
    pub title: &'static str,
    pub descending: bool,
}

pub(super) struct Table {
    pub cols: Vec<Col>,
    pub rows: Vec<Vec<Cell>>,
    pub selected: Option<usize>,
    pub order: Option<Order>,
}

/// Between two columns.
const GAP: u16 = 2;

/// Indices and widths of the columns that fit, wider ones growing into the room that is left.
pub(super) fn fit(cols: &[Col], width: u16) -> Vec<(usize, u16)> {
    let mut kept: Vec<usize> = (0..cols.len()).collect();
    let used = |kept: &[usize]| kept.iter().map(|i| cols[*i].width.0 + GAP).sum::<u16>().saturating_sub(GAP);
    while used(&kept) > width {
        let last = kept.iter().copied().filter(|i| cols[*i].drop > 0).max_by_key(|i| cols[*i].drop);
        let Some(last) = last else { break };
        kept.retain(|i| *i != last);
    }
    let excess = used(&kept).saturating_sub(width);
    let mut spare = width.saturating_sub(used(&kept));
    let mut fitted: Vec<(usize, u16)> = kept.iter().map(|i| (*i, cols[*i].width.0)).collect();
    // What cannot be dropped shares one line all the same: the widest gives way.
    if let Some((_, widest)) = fitted.iter_mut().max_by_key(|(_, width)| *width) {
        *widest = widest.saturating_sub(excess).max(1);
    }
    while spare > 0 {
        let mut grown = false;
        for (index, width) in &mut fitted {
            if spare > 0 && *width < cols[*index].width.1 {
                (*width, spare, grown) = (*width + 1, spare - 1, true);
            }
        }
        if !grown {
            break;
        }
    }
    fitted
}

impl Ui<'_> {
    pub(super) fn table(&self, table: &Table, area: Rect, buffer: &mut Buffer) {
        if area.height == 0 || area.width < 4 {
            return;
        }
        // One column for the cursor, one of air at the right end.
        let inner = Rect { x: area.x + 1, width: area.width - 2, ..area };
        let fitted = fit(&table.cols, inner.width);
        self.table_head(table, &fitted, inner, buffer);
        let room = usize::from(area.height - 1);
        // The last row says how many do not fit.
        let height = if table.rows.len() > room && room > 1 { room - 1 } else { room };
        let selected = table.selected.unwrap_or(0);
        let offset = selected.saturating_sub(height.saturating_sub(1));
        for (line, (index, row)) in table.rows.iter().enumerate().skip(offset).take(height).enumerate() {
            let y = area.y + 1 + line as u16;
            if table.selected == Some(index) {
                buffer.set_style(Rect { y, height: 1, ..area }, self.theme.selected);
                buffer.set_string(area.x, y, self.glyphs.cursor, self.theme.key);
            }
            self.table_row(table, row, &fitted, Rect { y, height: 1, ..inner }, buffer);
        }
        if height < room {
            let more = format!("{} more", table.rows.len() - height);
            buffer.set_stringn(inner.x, area.bottom() - 1, more, usize::from(inner.width), self.theme.dim);
        }
    }

    fn table_head(&self, table: &Table, fitted: &[(usize, u16)], area: Rect, buffer: &mut Buffer) {
        let mut x = area.x;
        for (index, width) in fitted {
            let col = table.cols[*index];
            let arrow = table.order.as_ref().filter(|order| order.title.eq_ignore_ascii_case(col.title));
            let arrow = arrow.map_or("", |order| self.glyphs.sorted[usize::from(order.descending)]);
            let title = format!("{}{arrow}", col.title);
            put(&Line::styled(title, self.theme.dim), col, x, *width, area, buffer);
            x += width + GAP;
        }
    }

    fn table_row(&self, table: &Table, row: &[Cell], fitted: &[(usize, u16)], area: Rect, buffer: &mut Buffer) {
        let mut x = area.x;
        for (index, width) in fitted {
            if let Some(cell) = row.get(*index) {
                let cut = self.cut_line(cell, usize::from(*width));
                put(&cut, table.cols[*index], x, *width, area, buffer);
            }
            x += width + GAP;
        }
    }

    fn cut_line(&self, line: &Cell, width: usize) -> Cell {
        if line.width() <= width {
            return line.clone();
        }
        let mut left = width;
        let mut spans = Vec::new();
        for span in &line.spans {
            let text = self.cut(&span.content, left);
            left -= text.chars().count().min(left);
            spans.push(Span::styled(text, line.style.patch(span.style)));
        }
        Line::from(spans)
    }
}

fn put(line: &Line<'_>, col: Col, x: u16, width: u16, area: Rect, buffer: &mut Buffer) {
    let room = area.right().saturating_sub(x).min(width);
    let shift = if col.right { room.saturating_sub(line.width() as u16) } else { 0 };
    if room > 0 {
        buffer.set_line(x + shift, area.y, line, room - shift);
    }
}

/// A cell of one style.
pub(super) fn cell(text: impl Into<String>, style: Style) -> Cell {
    Line::from(Span::styled(text.into(), style))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLS: [Col; 4] = [left("name", (10, 30), 0), right("a", 5, 1), right("b", 5, 3), left("c", (4, 8), 2)];

    #[test]
    fn the_least_important_columns_go_first() {
        let kept = |width| fit(&COLS, width).into_iter().map(|(i, _)| i).collect::<Vec<_>>();
        assert_eq!(kept(30), [0, 1, 2, 3]);
        assert_eq!(kept(29), [0, 1, 3]);
        assert_eq!(kept(20), [0, 1]);
        assert_eq!(fit(&COLS, 3), [(0, 3)], "the widest shrinks");
    }

    #[test]
    fn columns_share_what_is_left() {
        assert_eq!(fit(&COLS, 36), [(0, 13), (1, 5), (2, 5), (3, 7)]);
        assert_eq!(fit(&COLS, 400), [(0, 30), (1, 5), (2, 5), (3, 8)]);
    }
}
