// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "jack_writer.hpp"

int main(int argc, char** argv) {
  avrig::jack_writer::JackWriter stage;
  return avrig::stage::run_stage(argc, argv, stage);
}
