// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/probe/av_probe.hpp>

#include <string>

namespace avrig::probe {

/// Read a recording of the demo clip to its end and say what is in it: numbers of its pictures,
/// flashes, beeps, and how far the sound is from the picture, by the file's own times.
///
/// A file without sound or without pictures is measured for what it has. Throws Error(Open) when it
/// cannot be read at all, or when its pictures have no room for a mark.
[[nodiscard]] Summary probe_file(const std::string& path);

}  // namespace avrig::probe
