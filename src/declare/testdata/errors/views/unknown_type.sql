SELECT id::bigin AS s FROM good
