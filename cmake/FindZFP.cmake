# Finds libzfp, whose own package file asks for OpenMP in C; defines ZFP::zfp.
find_path(ZFP_INCLUDE_DIR zfp.h)
find_library(ZFP_LIBRARY zfp)
mark_as_advanced(ZFP_INCLUDE_DIR ZFP_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ZFP REQUIRED_VARS ZFP_LIBRARY ZFP_INCLUDE_DIR)

if(ZFP_FOUND AND NOT TARGET ZFP::zfp)
  add_library(ZFP::zfp UNKNOWN IMPORTED)
  set_target_properties(ZFP::zfp PROPERTIES IMPORTED_LOCATION "${ZFP_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${ZFP_INCLUDE_DIR}")
endif()
