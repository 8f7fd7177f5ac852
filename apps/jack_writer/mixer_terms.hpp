// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace avrig::jack_writer {

/// What `sources:`, `buses:` and `cues:` of a `write: jack` stage say, as requests to the mixing
/// desk (see docs/dipstream.md): times in seconds, levels in dB.
struct MixerTerms {
  std::vector<nlohmann::json> buses;
  std::vector<nlohmann::json> sources;
  std::vector<nlohmann::json> cues;
};

/// Check and translate. `folder`: where the sources' files lie. Throws Error(Spec) with everything
/// that is wrong.
[[nodiscard]] MixerTerms read_terms(const nlohmann::json& with, const std::string& folder);

}  // namespace avrig::jack_writer
