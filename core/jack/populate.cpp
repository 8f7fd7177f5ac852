// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "populate.hpp"

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <link.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_READ  // since Linux 5.14, later than the C library's headers
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

namespace avrig::jack {
namespace {

bool runs_in_callback(const char* name) noexcept {
  if (name == nullptr || *name == '\0') {
    return true;  // the program itself
  }
  for (const char* library : {"libjack", "libc.so", "libm.so", "libstdc++"}) {
    if (std::strstr(name, library) != nullptr) {
      return true;
    }
  }
  return false;
}

int populate(dl_phdr_info* object, std::size_t, void*) noexcept {
  if (!runs_in_callback(object->dlpi_name)) {
    return 0;
  }
  constexpr std::uintptr_t kPage = 4096;
  for (int index = 0; index < object->dlpi_phnum; ++index) {
    const ElfW(Phdr)& part = object->dlpi_phdr[index];
    if (part.p_type != PT_LOAD) {
      continue;
    }
    const std::uintptr_t begin = (object->dlpi_addr + part.p_vaddr) & ~(kPage - 1);
    const std::uintptr_t end =
        (object->dlpi_addr + part.p_vaddr + part.p_memsz + kPage - 1) & ~(kPage - 1);
    // What the loader has made read-only since is only looked at.
    const int how = (part.p_flags & PF_W) != 0 ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
    auto* memory = reinterpret_cast<void*>(begin);
    if (::madvise(memory, end - begin, how) != 0 && how == MADV_POPULATE_WRITE) {
      (void)::madvise(memory, end - begin, MADV_POPULATE_READ);
    }
  }
  return 0;
}

}  // namespace

void populate_program() noexcept {
  (void)::dl_iterate_phdr(populate, nullptr);
}

}  // namespace avrig::jack
