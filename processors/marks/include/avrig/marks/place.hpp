// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/marks/mark.hpp>
#include <avrig/plugin.hpp>

namespace avrig::marks {

/// Where the mark stands: the parameters of who draws it and of who reads it.
inline constexpr plugin::Parameter kPlaceParameters[] = {
    {.name = "corner",
     .type = "enum",
     .default_value = "top-left",
     .choices = kCorners,
     .doc = "where the mark stands"},
    {.name = "x",
     .type = "int",
     .default_value = "16",
     .minimum = "0",
     .maximum = "65535",
     .unit = "px",
     .doc = "from that corner's side edge"},
    {.name = "y",
     .type = "int",
     .default_value = "16",
     .minimum = "0",
     .maximum = "65535",
     .unit = "px",
     .doc = "from that corner's top or bottom edge"}};

}  // namespace avrig::marks
