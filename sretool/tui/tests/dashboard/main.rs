//! The dashboard as a whole: messages in, frames and commands out, with synthetic answers.

mod attributes;
mod chart;
mod screens;
mod sizes;
mod updates;
mod world;
