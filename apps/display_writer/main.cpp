// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "display_writer.hpp"

int main(int argc, char** argv) {
  avrig::display_writer::DisplayWriter stage;
  return avrig::stage::run_stage(argc, argv, stage);
}
