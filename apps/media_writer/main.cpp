// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "media_writer.hpp"

int main(int argc, char** argv) {
  avrig::media_writer::MediaWriter stage;
  return avrig::stage::run_stage(argc, argv, stage);
}
