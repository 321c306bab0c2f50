//! Goose scenarios of the reference services and their load profiles
