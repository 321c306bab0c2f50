//! Terminal dashboard: state, update and view without input or output
