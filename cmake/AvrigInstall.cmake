# What an installed avrig has for those who build on it: headers, for find_package(avrig) the targets
# avrig::plugin and avrig::testing (plug-ins), avrig::pipeline (rigs in C++), avrig::dipstream
# (experiments) and avrig_add_processor, and the same for pkg-config. Programs and processors
# install themselves. The component `sdk` is this file's part alone.
include(CMakePackageConfigHelpers)

set(AVRIG_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/avrig)
install(TARGETS avrig_types avrig_base avrig_plugin avrig_plugin_loader avrig_testing
  avrig_dipstream_library EXPORT avrigTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk)
install(TARGETS avrig_pipeline EXPORT avrigTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk NAMELINK_COMPONENT sdk)
install(EXPORT avrigTargets NAMESPACE avrig:: DESTINATION ${AVRIG_CMAKE_DIR} COMPONENT sdk)
install(DIRECTORY base/include/ core/plugin/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk)
install(FILES core/launch/include/avrig/pipeline.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/avrig
  COMPONENT sdk)
install(FILES core/dipstream/include/avrig/dipstream/dipstream.hpp
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/avrig/dipstream COMPONENT sdk)
install(FILES core/simvx/include/avrig/simvx/audio_backend.hpp
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/avrig/simvx COMPONENT sdk)

configure_package_config_file(cmake/avrigConfig.cmake.in ${PROJECT_BINARY_DIR}/avrigConfig.cmake
  INSTALL_DESTINATION ${AVRIG_CMAKE_DIR} PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/avrigConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/avrigConfig.cmake ${PROJECT_BINARY_DIR}/avrigConfigVersion.cmake
  cmake/AvrigProcessor.cmake cmake/avrig_plugin.map DESTINATION ${AVRIG_CMAKE_DIR} COMPONENT sdk)

# Relative to the .pc file, so that an installed tree can be moved.
file(RELATIVE_PATH AVRIG_PC_TO_PREFIX
  /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
foreach(package avrig avrig-plugin avrig-pipeline avrig-dipstream)
  configure_file(cmake/${package}.pc.in ${PROJECT_BINARY_DIR}/${package}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${package}.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT sdk)
endforeach()
