# Headers, package files for CMake and pkg-config: find_package(dispart COMPONENTS json onnx asio) afterwards.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(package_dir "${CMAKE_INSTALL_DATADIR}/cmake/dispart")

# Each component is an export of its own, so that only its own dependencies are looked for.
foreach(component IN ITEMS dispart ${DISPART_COMPONENTS} ${DISPART_OPTIONAL_COMPONENTS})
  if(component STREQUAL "dispart")
    set(target dispart)
  else()
    set(target dispart_${component})
  endif()
  install(TARGETS ${target} EXPORT dispart-${component}-targets FILE_SET HEADERS FILE_SET pieces)
  install(EXPORT dispart-${component}-targets NAMESPACE dispart:: DESTINATION "${package_dir}")
endforeach()

configure_file(cmake/dispartConfig.cmake.in dispartConfig.cmake @ONLY)
write_basic_package_version_file(dispartConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(
  FILES "${PROJECT_BINARY_DIR}/dispartConfig.cmake" "${PROJECT_BINARY_DIR}/dispartConfigVersion.cmake"
        cmake/dependencies.cmake cmake/FindProtozero.cmake cmake/FindLZ4.cmake cmake/FindZFP.cmake cmake/FindOneDNN.cmake cmake/FindGrpc.cmake
  DESTINATION "${package_dir}")

# For builds without CMake; the headers of xtensor, Boost and tl::expected are found on the usual path.
configure_file(cmake/dispart.pc.in dispart.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/dispart.pc" DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig")
