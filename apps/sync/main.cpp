// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "gate.hpp"

int main(int argc, char** argv) {
  avrig::gate::Gate stage;
  return avrig::stage::run_stage(argc, argv, stage);
}
