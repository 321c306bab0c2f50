//! Terminal dashboard: state, update and view without input or output.
//!
//! [`State`] is everything the dashboard knows, [`update`] is the only way to change it and answers with [`Cmd`]s for
//! the caller to carry out, and [`view`] draws it. Nothing here reads a clock, a file, a terminal or a network: time
//! arrives in [`Msg::Tick`], answers arrive in [`Msg::Answer`]. Every number on the screen is the answer to a query of
//! [`queries`]; the view only lays out and formats.
//!
//! Architecture invariant: nothing in `view` calculates; a value that is missing stays missing (`no data`).

pub mod chart;
mod clock;
mod filter;
mod keymap;
mod message;
pub mod model;
pub mod once;
pub mod queries;
mod slot;
mod state;
mod theme;
pub mod units;
mod update;
mod view;

pub use filter::Filter;
pub use keymap::{Action, BINDINGS, Binding, Key};
pub use message::{Alert, AlertState, Cmd, LoadEvent, Msg, Problem, Span};
pub use slot::{Phase, Slot};
pub use state::{Config, Health, Mode, RANGES_MS, Screen, State};
pub use theme::{Glyphs, Theme, ThemeName};
pub use update::update;
pub use view::view;
