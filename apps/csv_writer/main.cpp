// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "csv_writer.hpp"

int main(int argc, char** argv) {
  avrig::csv_writer::CsvWriter stage;
  return avrig::stage::run_stage(argc, argv, stage);
}
