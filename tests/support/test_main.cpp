// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
