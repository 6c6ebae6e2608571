# Header-only targets made by glob: dispart_component(NAME FOLDER dir LINK target... [OPTIONAL]), then
# dispart_core(LINK target...).
include("${CMAKE_CURRENT_LIST_DIR}/dependencies.cmake")
list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")

set(DISPART_INCLUDE_DIR "${PROJECT_SOURCE_DIR}/include")
set(DISPART_COMPONENTS "") # the components that exist here: dispart::<name> each
set(DISPART_OPTIONAL_COMPONENTS "") # those that nothing of ours needs
set(DISPART_OPTIONAL_FOLDERS "")

# Gives the library these headers. Each compiles alone (target all_verify_interface_header_sets), except *.inl.hpp: pieces
# that another header includes, perhaps several times.
function(dispart_headers target)
  set(pieces ${ARGN})
  list(FILTER pieces INCLUDE REGEX "\\.inl\\.hpp$")
  set(headers ${ARGN})
  list(FILTER headers EXCLUDE REGEX "\\.inl\\.hpp$")
  target_sources(
    ${target}
    INTERFACE FILE_SET HEADERS BASE_DIRS "${DISPART_INCLUDE_DIR}" FILES ${headers}
              FILE_SET pieces TYPE HEADERS BASE_DIRS "${DISPART_INCLUDE_DIR}" FILES ${pieces})
  set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL}
                                             INTERFACE_HEADER_SETS_TO_VERIFY HEADERS)
endfunction()

# dispart::<name>, when what it links to is there; otherwise it is left out and said so. Who links to an optional one
# sees the macro DISPART_WITH_<NAME>.
function(dispart_component name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "OPTIONAL" "FOLDER" "LINK")
  set(DISPART_COMPONENT_FOLDERS ${DISPART_COMPONENT_FOLDERS} ${arg_FOLDER} PARENT_SCOPE)
  set(list DISPART_COMPONENTS)
  if(arg_OPTIONAL)
    set(list DISPART_OPTIONAL_COMPONENTS)
    set(DISPART_OPTIONAL_FOLDERS ${DISPART_OPTIONAL_FOLDERS} ${arg_FOLDER} PARENT_SCOPE)
  endif()
  dispart_find_dependencies(${name} QUIET)
  if(name STREQUAL "mpi" AND NOT MPI_CXX_FOUND) # FindMPI makes its target before it has looked
    set(arg_LINK MPI)
  endif()
  foreach(dependency IN LISTS arg_LINK)
    if(NOT TARGET ${dependency})
      message(STATUS "dispart::${name} is left out: ${dependency} was not found")
      return()
    endif()
  endforeach()
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${DISPART_INCLUDE_DIR}/dispart/${arg_FOLDER}/*.hpp")
  add_library(dispart_${name} INTERFACE)
  add_library(dispart::${name} ALIAS dispart_${name})
  set_target_properties(dispart_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(dispart_${name} INTERFACE dispart ${arg_LINK})
  if(arg_OPTIONAL)
    string(TOUPPER "DISPART_WITH_${name}" macro)
    target_compile_definitions(dispart_${name} INTERFACE ${macro})
  endif()
  dispart_headers(dispart_${name} ${headers})
  set(${list} ${${list}} ${name} PARENT_SCOPE)
endfunction()

# dispart::dispart: the headers that no component has claimed.
function(dispart_core)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "LINK")
  dispart_find_dependencies(dispart REQUIRED)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${DISPART_INCLUDE_DIR}/dispart/*.hpp")
  foreach(folder IN LISTS DISPART_COMPONENT_FOLDERS)
    list(FILTER headers EXCLUDE REGEX "/dispart/${folder}/")
  endforeach()
  add_library(dispart INTERFACE)
  add_library(dispart::dispart ALIAS dispart)
  target_compile_features(dispart INTERFACE cxx_std_20)
  target_link_libraries(dispart INTERFACE ${arg_LINK})
  dispart_headers(dispart ${headers})
  if(xtensor_VERSION VERSION_LESS 0.26)
    # xtensor 0.24 and clang 19's reading of template template arguments (P0522) do not agree.
    set(clang19 "$<AND:$<CXX_COMPILER_ID:Clang>,$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,19>>")
    target_compile_options(
      dispart INTERFACE "$<${clang19}:-fno-relaxed-template-template-args;-Wno-deprecated-no-relaxed-template-template-args>")
  endif()
endfunction()
