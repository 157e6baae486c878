//! Fuzz targets of what reads other people's input.
