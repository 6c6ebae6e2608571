# The target docs: the reference of the public headers in build/doxygen/html, without a warning (see Doxyfile).
find_program(DOXYGEN doxygen)
mark_as_advanced(DOXYGEN)
if(DOXYGEN)
  add_custom_target(docs COMMAND "${DOXYGEN}" Doxyfile WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" COMMENT "Reference")
else()
  add_custom_target(docs COMMAND "${CMAKE_COMMAND}" -E echo "doxygen is not installed" COMMAND "${CMAKE_COMMAND}" -E false)
endif()
