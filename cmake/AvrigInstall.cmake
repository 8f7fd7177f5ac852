# What an installed avrig has for the authors of plug-ins and experiments: headers, avrig::plugin,
# avrig::testing and avrig::dipstream for find_package(avrig), avrig_add_processor, and the same for
# pkg-config. Programs and processors
# install themselves. The component `sdk` is this file's part alone.
include(CMakePackageConfigHelpers)

set(AVRIG_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/avrig)
install(TARGETS avrig_types avrig_base avrig_plugin avrig_plugin_loader avrig_testing
  avrig_dipstream_library EXPORT avrigTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk)
install(EXPORT avrigTargets NAMESPACE avrig:: DESTINATION ${AVRIG_CMAKE_DIR} COMPONENT sdk)
install(DIRECTORY base/include/ core/plugin/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk)
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
foreach(package avrig avrig-plugin avrig-dipstream)
  configure_file(cmake/${package}.pc.in ${PROJECT_BINARY_DIR}/${package}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${package}.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT sdk)
endforeach()
