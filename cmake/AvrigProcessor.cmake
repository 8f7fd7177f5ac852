# avrig_add_processor(<name> SOURCES ... [LINKS ...]): a plug-in library <name>.so, built alike inside
# avrig and in a project of yours. It exports avrig_plugin_entry and nothing else.
#
# Within avrig's own tree and in projects that set AVRIG_PROCESSOR_DIR it lands there, so that a bare
# `process: <name>` finds it; else it lies in the build folder. Extra word: INSTALL, to install it
# into avrig's own folder of processors.
set(AVRIG_PROCESSOR_MAP ${CMAKE_CURRENT_LIST_DIR}/avrig_plugin.map CACHE INTERNAL "")

function(avrig_add_processor name)
  cmake_parse_arguments(arg "INSTALL" "" "SOURCES;LINKS" ${ARGN})
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "avrig_add_processor(${name}): name its SOURCES")
  endif()
  # The target has a prefix in avrig's tree alone, where `gain` could be many things.
  set(target ${name})
  if(TARGET avrig_plugin)
    set(target processor_${name})
  endif()
  add_library(${target} MODULE ${arg_SOURCES})
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME ${name} CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON LINK_DEPENDS ${AVRIG_PROCESSOR_MAP})
  if(DEFINED AVRIG_PROCESSOR_DIR)
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${AVRIG_PROCESSOR_DIR})
  endif()
  target_link_options(${target} PRIVATE -Wl,--version-script=${AVRIG_PROCESSOR_MAP} -Wl,-z,defs)
  target_link_libraries(${target} PRIVATE avrig::plugin ${arg_LINKS})
  if(TARGET avrig_warnings)
    target_link_libraries(${target} PRIVATE avrig_warnings)
  endif()
  if(arg_INSTALL)
    include(GNUInstallDirs)
    install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/avrig/processors)
  endif()
endfunction()
