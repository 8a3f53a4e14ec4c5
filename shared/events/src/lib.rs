//! The protobuf contracts and the only conversions between wire and domain.
