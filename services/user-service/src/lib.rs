//! Users, authentication and roles
