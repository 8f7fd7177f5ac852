# The two shapes of target that the house has, so that each folder's CMakeLists.txt stays a list.

# Warnings of avrig's own code; never exported.
add_library(avrig_warnings INTERFACE)
target_compile_options(avrig_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion -Wformat=2
  -Wcast-align -Wundef
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wextra-semi>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wduplicated-cond -Wlogical-op -Wsuggest-override>
  $<$<BOOL:${AVRIG_WERROR}>:-Werror>)

# avrig_add_library(<name> SOURCES ... [LINKS PUBLIC|PRIVATE ...]): static library avrig_<name>,
# alias avrig::<name>, headers in ./include.
function(avrig_add_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  add_library(avrig_${name} STATIC ${arg_SOURCES})
  add_library(avrig::${name} ALIAS avrig_${name})
  set_target_properties(avrig_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(avrig_${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
  target_link_libraries(avrig_${name} ${arg_LINKS} PRIVATE $<BUILD_INTERFACE:avrig_warnings>)
endfunction()

# avrig_add_program(<name> SOURCES ... LINKS ...): an executable in bin/.
function(avrig_add_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  target_link_libraries(${name} PRIVATE ${arg_LINKS} avrig_warnings)
  install(TARGETS ${name} RUNTIME)
endfunction()

# avrig_add_test(<name> LABEL <label> TIMEOUT <s> SOURCES ... LINKS ...): one doctest program whose
# cases become CTest tests of that label. TIMEOUT is for an idle machine; a busy one gets four times
# as long, and six times that under a sanitizer (as tests/support/patience.hpp within a test). Extra
# words: SERIAL (RUN_SERIAL).
function(avrig_add_test name)
  cmake_parse_arguments(arg "SERIAL" "LABEL;TIMEOUT" "SOURCES;LINKS" ${ARGN})
  if(NOT AVRIG_BUILD_TESTS)
    return()
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 20)
  endif()
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test_bin)
  target_link_libraries(${name} PRIVATE ${arg_LINKS} avrig_test_main avrig_warnings)
  math(EXPR limit "${arg_TIMEOUT} * 4")
  if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    math(EXPR limit "${limit} * 6")
  endif()
  set(properties LABELS ${arg_LABEL} TIMEOUT ${limit} SKIP_RETURN_CODE 77)
  if(arg_SERIAL)
    list(APPEND properties RUN_SERIAL ON)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES ${properties})
endfunction()
