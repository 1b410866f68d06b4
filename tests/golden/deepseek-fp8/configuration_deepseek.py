# what auto_map names; carried along
