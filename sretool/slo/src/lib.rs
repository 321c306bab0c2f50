//! Service level objectives: OpenSLO documents, error budgets, generated rules
