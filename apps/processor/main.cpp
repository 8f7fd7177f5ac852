// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "host.hpp"

int main(int argc, char** argv) {
  avrig::processor::PluginHost stage;
  return avrig::stage::run_stage(argc, argv, stage);
}
