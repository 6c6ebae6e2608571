# Settings for working on dispart itself; a project that adds dispart as a subdirectory never sees them.
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE ccache)
mark_as_advanced(CCACHE)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Without the two exceptions ccache refuses whatever uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${CCACHE}")
endif()

# Our own code is compiled under these; third-party headers come in as system headers and are left alone.
set(DISPART_STRICT -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
if(DISPART_WERROR)
  list(APPEND DISPART_STRICT -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  list(APPEND DISPART_STRICT -Wno-deprecated-declarations) # libstdc++ 12 calls its own get_temporary_buffer
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these out of inlined standard and Eigen code (PR105329, PR105651, PR107852).
  list(APPEND DISPART_STRICT -Wno-restrict -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow)
  if("${CMAKE_CXX_FLAGS_DEV}" MATCHES "sanitize") # and Boost.Graph's empty boost::optional, with their instrumentation
    list(APPEND DISPART_STRICT -Wno-uninitialized)
  endif()
endif()
add_library(dispart_strict INTERFACE)
target_compile_options(dispart_strict INTERFACE ${DISPART_STRICT})
