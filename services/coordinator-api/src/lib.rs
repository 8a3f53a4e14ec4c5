//! REST, live events and the dashboard; commands to CONTROL.
