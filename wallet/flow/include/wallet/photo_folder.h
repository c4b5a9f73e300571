/*
 * Photos in a folder, named after what they belong to: "D-1.jpg". Read one by one, bounded and
 * looked at by their headers; what was not asked for can be listed. For one thread.
 */
#ifndef WALLET_PHOTO_FOLDER_H
#define WALLET_PHOTO_FOLDER_H

#include "lw/buf.h"

enum { WALLET_PHOTO_FILES_MAX = 1000 * 1000 };

struct wallet_photo_folder;

/** Open a folder and list it. errors  LW_E_NOT_FOUND, LW_E_IO, LW_E_LIMIT, LW_E_NOMEM */
LW_MUST_USE lw_err wallet_photo_folder_open(struct wallet_photo_folder **folder, const char *path);
void wallet_photo_folder_free(struct wallet_photo_folder *folder);

/**
 * Read the photo NAME.jpg, NAME.jpeg or NAME.png, in small letters or capitals: an import's
 * `photos`, whose context is the folder.
 *
 * max     bytes that it may have
 * bytes   set to the photo; until the next call
 * errors  LW_E_NOT_FOUND  none; LW_E_CONFLICT  several; LW_E_LIMIT  too large; LW_E_SYNTAX,
 *         LW_E_UNSUPPORTED  no JPEG or PNG, or damaged; LW_E_VALUE  a name that could lead out of
 *         the folder; LW_E_IO, LW_E_NOMEM: `why` is a part of a sentence, after the column's name
 */
LW_MUST_USE lw_err wallet_photo_folder_read(void *folder, lw_str name, size_t max, lw_bytes *bytes);

/** Return how many files the folder has. */
size_t wallet_photo_folder_files(const struct wallet_photo_folder *folder);

/**
 * Return how many files no call read.
 *
 * names  set to the first `max` of them, by name; they live with the folder
 */
size_t wallet_photo_folder_unused(const struct wallet_photo_folder *folder, const char **names,
                                  size_t max);

#endif
