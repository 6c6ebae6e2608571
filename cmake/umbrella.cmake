# cmake -P cmake/umbrella.cmake: writes include/dispart/dispart.hpp, which includes the headers of the core target that plan.
# With -DCHECK=ON it writes nothing and fails when the committed file is stale.
cmake_minimum_required(VERSION 3.25)
cmake_path(SET root NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/..")
set(umbrella "${root}/include/dispart/dispart.hpp")

file(GLOB_RECURSE headers RELATIVE "${root}/include" "${root}/include/dispart/*.hpp")
list(REMOVE_ITEM headers dispart/dispart.hpp)
list(FILTER headers EXCLUDE REGEX "/detail/")
file(STRINGS "${root}/CMakeLists.txt" components REGEX "^dispart_component\\(.* FOLDER ")
foreach(component IN LISTS components)
  string(REGEX REPLACE ".* FOLDER ([^ )]+).*" "\\1" folder "${component}")
  list(FILTER headers EXCLUDE REGEX "^dispart/${folder}/")
endforeach()
# Who plans does not run: what moves tensors and measures machines is included by name.
list(FILTER headers EXCLUDE REGEX "^dispart/(run|calibrate)/")
list(SORT headers)

string(CONCAT content
  "#pragma once\n\n"
  "// Describing, planning, scheduling and simulating: every room that needs no optional dependency, except run/ and\n// calibrate/. Made by `cmake -P cmake/umbrella.cmake`: do not edit.\n\n")
foreach(header IN LISTS headers)
  string(APPEND content "#include \"${header}\"\n")
endforeach()

set(current "")
if(EXISTS "${umbrella}")
  file(READ "${umbrella}" current)
endif()
if(content STREQUAL current)
  return()
elseif(CHECK)
  message(FATAL_ERROR "include/dispart/dispart.hpp is stale: run cmake -P cmake/umbrella.cmake")
endif()
file(WRITE "${umbrella}" "${content}")
