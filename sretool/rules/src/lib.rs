//! Recording and alerting rules: file format, templates and alert state machine
